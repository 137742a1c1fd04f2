"""Flax NNX modules over encodings and networks: the only room of the library proper that imports flax.nnx."""

from qla_jax.nn.baselines import PlainCNN as PlainCNN
from qla_jax.nn.baselines import PlainMLP as PlainMLP
from qla_jax.nn.baselines import count_parameters as count_parameters
from qla_jax.nn.coherent_resnet import BlockDiagnostics as BlockDiagnostics
from qla_jax.nn.coherent_resnet import CoherentResNet as CoherentResNet
from qla_jax.nn.coherent_resnet import ConvolutionWeight as ConvolutionWeight
from qla_jax.nn.coherent_resnet import DenseWeight as DenseWeight
from qla_jax.nn.coherent_resnet import TerminalWeight as TerminalWeight
from qla_jax.nn.paths import ConvolutionalPath as ConvolutionalPath
