"""Results of the main job, as report.json holds them."""

from dataclasses import dataclass

from qla_jax.experiments.coherent.recipes import Recipe
from qla_jax.nn.circuit_check import CircuitCheck
from qla_jax.nn.coherent_costs import Costs, RegimeCosts, Uncounted
from qla_jax.nn.evaluation import Accuracies, Errors, Norms, OutputError, Terminal


@dataclass(frozen=True)
class OwnClaim:
    """Largest ratio of a claim on the network's own weight at a place, and whether it violates the claim."""

    claim: str
    where: str
    ratio: float
    violated: bool


@dataclass(frozen=True)
class EpochResult:
    """Epoch of training: its number from 1, and the mean loss and accuracy of its steps."""

    epoch: int
    loss: float
    accuracy: float


@dataclass(frozen=True)
class Parameters:
    """Numbers of parameters of the coherent network and of its plain baseline."""

    coherent: int
    baseline: int


@dataclass(frozen=True)
class Seconds:
    """Time of training and, at the top of the report, of everything."""

    train: float
    total: float | None = None


@dataclass(frozen=True)
class Example:
    """A test image with its class, and the probability that the circuit gives each outcome.

    Attributes:
        image: pixels, (channel, row, column).
        label: class of the image.
        probabilities: probability of each outcome.
    """

    image: list[list[list[float]]]
    label: int
    probabilities: list[float]


@dataclass(frozen=True)
class Evaluated:
    """Results of a network over all test images.

    Attributes:
        accuracy: accuracies.
        norms: norms of each block.
        norms_without_skip: norms with the same weights and no skip connections.
        errors: errors of each block.
        output_error: error of the outcomes.
        terminal: the terminal block, or null.
        costs: costs of the unamplified circuit.
        confusion: number of images by class (row) and most probable outcome (column); outcomes beyond the classes share
            the last column.
        examples: images of different classes with their outcomes.
        block_tree: the first block as a tree of the parts that its circuit calls.
        block_circuit: drawing of the first block's circuit.
    """

    accuracy: Accuracies
    norms: list[Norms]
    norms_without_skip: list[Norms]
    errors: list[Errors]
    output_error: OutputError
    terminal: Terminal | None
    costs: Costs
    confusion: list[list[int]]
    examples: list[Example]
    block_tree: str
    block_circuit: str


@dataclass(frozen=True)
class ExportedBlock:
    """The first residual block on the first image as a file for other packages.

    Attributes:
        file: name of the file in the directory of the run.
        form: format of the file: qasm3, qref or qpy.
        size: number of bytes of the file.
        num_qubits: number of qubits of the circuit, ancillas included.
        rotations: number of rotations.
        cnot: number of CNOT gates and other Clifford gates of two qubits.
        toffoli: number of Toffoli gates.
        t: number of T gates besides those of rotations and Toffoli gates.
        t_count: number of all T gates at `rotation_eps`.
        rotation_eps: error of each rotation in operator norm.
    """

    file: str
    form: str
    size: int
    num_qubits: int
    rotations: int
    cnot: int
    toffoli: int
    t: int
    t_count: int
    rotation_eps: float


@dataclass(frozen=True)
class Network(Evaluated):
    """Network of the report.

    Attributes:
        kind: name of the recipe.
        description: description of the network in words.
        recipe: structure of the network and its training.
        parameters: numbers of parameters.
        claims: claims on its own weights and images.
        regime_costs: costs in its regime by number of blocks, null without a regime.
        circuit_check: circuits that were run.
        exported: the first block as a file, null unless `--export` asks for one.
        training: epochs of the training.
        seconds: time of training.
    """

    kind: str
    description: str
    recipe: Recipe
    parameters: Parameters
    claims: list[OwnClaim]
    regime_costs: list[RegimeCosts | Uncounted] | None
    circuit_check: CircuitCheck
    exported: ExportedBlock | None
    training: list[EpochResult]
    seconds: Seconds


@dataclass(frozen=True)
class Dataset:
    """Name and source of the images, and the numbers of images for training and for testing."""

    name: str
    train: int
    test: int
    source: str


@dataclass(frozen=True)
class MainReport(Network):
    """Content of report.json, with the fields of the network that was asked for at its top.

    Attributes:
        regime: regime of the paper, or null.
        dataset: images of the job.
        networks: all networks.
        failures: a line for each violated bound or failed check; empty is good.
    """

    regime: str | None
    dataset: Dataset
    networks: list[Network]
    failures: list[str]


@dataclass(frozen=True)
class TrainedNetwork:
    """Finished training: the network in words, its number of parameters, and its epochs."""

    description: str
    parameters: int
    training: list[EpochResult]


@dataclass(frozen=True)
class Baseline:
    """Plain baseline: the number of its parameters, and its accuracy on the test images."""

    parameters: int
    accuracy: float


@dataclass(frozen=True)
class OwnClaims:
    """Claims on the network's own weights and images."""

    claims: list[OwnClaim]


@dataclass(frozen=True)
class InRegime:
    """Costs in the regime by number of blocks."""

    costs: list[RegimeCosts | Uncounted]


Part = TrainedNetwork | Baseline | Evaluated | OwnClaims | InRegime | CircuitCheck | ExportedBlock
"""Row of a finished item."""
