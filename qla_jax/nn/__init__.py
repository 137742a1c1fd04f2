"""Neural networks as Flax NNX modules: coherent, measured and variational ones, and their classical baselines.

A module holds parameters and rebuilds its circuits or encodings from them in each call, so that gradients flow. This is
the only room of the library that imports `flax.nnx`.

* Coherent: `CoherentResNet` and its weights, one circuit without a measurement between the layers.
* Measured: `QResNet` and `QTransformer`, read out between the layers; `overhead` counts their queries and depths.
* Variational: `QuantumClassifier`, `QuantumConvNet`, `ResQuNN`.
* Classical: `PlainMLP`, `PlainCNN`, `PlainPatchCNN`, `PlainResNet`, `PlainTransformer`.
"""

from qla_jax.nn.baselines import PlainCNN as PlainCNN
from qla_jax.nn.baselines import PlainMLP as PlainMLP
from qla_jax.nn.baselines import PlainPatchCNN as PlainPatchCNN
from qla_jax.nn.baselines import count_parameters as count_parameters
from qla_jax.nn.coherent_resnet import BlockDiagnostics as BlockDiagnostics
from qla_jax.nn.coherent_resnet import CoherentResNet as CoherentResNet
from qla_jax.nn.estimated_gradients import WeightGradients as WeightGradients
from qla_jax.nn.estimated_gradients import estimated_dense as estimated_dense
from qla_jax.nn.estimated_gradients import weight_gradients as weight_gradients
from qla_jax.nn.measured import MeasuredRun as MeasuredRun
from qla_jax.nn.measured import Transfer as Transfer
from qla_jax.nn.measured import infidelity as infidelity
from qla_jax.nn.network import MeasuredNetwork as MeasuredNetwork
from qla_jax.nn.overheads import LayerOverhead as LayerOverhead
from qla_jax.nn.overheads import NetworkOverhead as NetworkOverhead
from qla_jax.nn.overheads import amplified as amplified
from qla_jax.nn.overheads import overhead as overhead
from qla_jax.nn.paths import ConvolutionalPath as ConvolutionalPath
from qla_jax.nn.qlam import combined_heads as combined_heads
from qla_jax.nn.qlam import concatenated_heads as concatenated_heads
from qla_jax.nn.qresnet import EVERY_BLOCK as EVERY_BLOCK
from qla_jax.nn.qresnet import EVERY_LAYER as EVERY_LAYER
from qla_jax.nn.qresnet import BlockTransfers as BlockTransfers
from qla_jax.nn.qresnet import QResidualBlock as QResidualBlock
from qla_jax.nn.qresnet import QResNet as QResNet
from qla_jax.nn.qtransformer import AUTHORS as AUTHORS
from qla_jax.nn.qtransformer import EVERYTHING as EVERYTHING
from qla_jax.nn.qtransformer import QTransformer as QTransformer
from qla_jax.nn.qtransformer import TransformerTransfers as TransformerTransfers
from qla_jax.nn.quanvolution import DenseHead as DenseHead
from qla_jax.nn.quanvolution import Frozen as Frozen
from qla_jax.nn.quanvolution import QuantumHead as QuantumHead
from qla_jax.nn.quanvolution import Quanvolution as Quanvolution
from qla_jax.nn.quanvolution import ResQuNN as ResQuNN
from qla_jax.nn.quanvolution import gradient_access as gradient_access
from qla_jax.nn.quanvolution import mean_loss as mean_loss
from qla_jax.nn.softmax import ArithmeticSoftmax as ArithmeticSoftmax
from qla_jax.nn.softmax import ClassicalSoftmax as ClassicalSoftmax
from qla_jax.nn.softmax import arithmetic_softmax as arithmetic_softmax
from qla_jax.nn.twins import PlainResNet as PlainResNet
from qla_jax.nn.twins import PlainTransformer as PlainTransformer
from qla_jax.nn.variational import QuantumClassifier as QuantumClassifier
from qla_jax.nn.variational import QuantumConvNet as QuantumConvNet
from qla_jax.nn.weights import ConvolutionWeight as ConvolutionWeight
from qla_jax.nn.weights import DenseWeight as DenseWeight
from qla_jax.nn.weights import TerminalWeight as TerminalWeight
