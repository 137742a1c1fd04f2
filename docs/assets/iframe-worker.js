/* A page that is opened from a disk may not start a worker. The search then runs in a hidden frame, an "iframe worker",
   which gets what a worker has: `importScripts`, and messages in both directions. */
const loaded = (page, url) =>
  new Promise((resolve, reject) => {
    const script = page.createElement("script")
    Object.assign(script, { src: url, onload: resolve, onerror: reject })
    page.body.append(script)
  })

class FrameWorker extends EventTarget {
  constructor(url) {
    super()
    this.frame = document.body.appendChild(document.createElement("iframe"))
    this.frame.hidden = true
    const inside = this.frame.contentWindow
    inside.importScripts = (...urls) =>
      urls.reduce((before, each) => before.then(() => loaded(inside.document, each)), Promise.resolve())
    inside.postMessage = (data) => this.deliver(this, data)
    this.ready = loaded(inside.document, url)
  }

  deliver(target, data) {
    const event = new MessageEvent("message", { data })
    target.dispatchEvent(event)
    target.onmessage?.(event)
  }

  postMessage(data) {
    this.ready.then(() => this.frame.contentWindow.dispatchEvent(new MessageEvent("message", { data })))
  }

  terminate() {
    this.frame.remove()
  }
}

if (location.protocol === "file:") {
  window.Worker = window.IFrameWorker = FrameWorker // the theme looks for the second name
}
