"""The networks of the lecture in torch, one loop that trains them, and weights that were trained with it.

>>> from lecture5 import nets
>>> model = nets.LeNet5()                     # random weights
>>> model = nets.load("lenet5-digits")        # weights that ship with the package
>>> nets.card("lenet5-digits").test_score > 0.985
True
"""

from .alexnet import AlexNet
from .augmentation import random_affine
from .filter_bank import LearnedBank
from .lenet import LeNet5
from .maze import MazeNet, MinPlusNet, UntiedMazeNet
from .planner import ValueIterationNet
from .resnet import (
    BasicBlock,
    Block,
    Bottleneck,
    PadShortcut,
    PreActivationBlock,
    ResNet,
    cifar_resnet,
    he_initialisation,
    resnet18,
    resnet20,
    resnet32,
    resnet34,
    resnet50,
    resnet56,
    resnet110,
)
from .routes import RouteReader
from .segmentation import (
    FCN,
    ContextModule,
    DilatedNet,
    UNet,
    bilinear_kernel,
    bilinear_upsampling,
    convolutionalised,
)
from .training import Epoch, TrainingError, evaluate, fit, fraction_right, read_log, sgd
from .weights import IMAGENET_MEAN, IMAGENET_STD, WeightsCard, WeightsError, card, history, load, shipped

__all__ = [
    "FCN",
    "IMAGENET_MEAN",
    "IMAGENET_STD",
    "AlexNet",
    "BasicBlock",
    "Block",
    "Bottleneck",
    "ContextModule",
    "DilatedNet",
    "Epoch",
    "LeNet5",
    "LearnedBank",
    "MazeNet",
    "MinPlusNet",
    "PadShortcut",
    "PreActivationBlock",
    "ResNet",
    "RouteReader",
    "TrainingError",
    "UNet",
    "UntiedMazeNet",
    "ValueIterationNet",
    "WeightsCard",
    "WeightsError",
    "bilinear_kernel",
    "bilinear_upsampling",
    "card",
    "cifar_resnet",
    "convolutionalised",
    "evaluate",
    "fit",
    "fraction_right",
    "he_initialisation",
    "history",
    "load",
    "random_affine",
    "read_log",
    "resnet18",
    "resnet20",
    "resnet32",
    "resnet34",
    "resnet50",
    "resnet56",
    "resnet110",
    "sgd",
    "shipped",
]
