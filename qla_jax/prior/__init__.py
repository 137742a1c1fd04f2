"""Earlier quantum networks, run as published: each layer is read out before the next one begins."""

from qla_jax.prior.convolutional import convolutional as convolutional
from qla_jax.prior.convolutional import exact_convolution as exact_convolution
from qla_jax.prior.feedforward import exact_dense as exact_dense
from qla_jax.prior.feedforward import feedforward as feedforward
from qla_jax.prior.layered import LayeredRun as LayeredRun
from qla_jax.prior.transformer import AttentionWeights as AttentionWeights
from qla_jax.prior.transformer import exact_block as exact_block
from qla_jax.prior.transformer import transformer as transformer
