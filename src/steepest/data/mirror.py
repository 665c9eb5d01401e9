"""The table of published data sets: where they are, and the SHA-256 of what must arrive.

`content` is the SHA-256 of a file's decompressed bytes, so that a re-compressed copy counts. Where
no such hash is known it is empty, and the archive's own hash decides.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Parcel:
    """What a mirror delivers."""

    name: str  # last part of the URL
    bytes: int
    sha256: str


@dataclass(frozen=True)
class File:
    """What a loader reads."""

    path: str  # below the data folder
    length: int  # decompressed bytes
    content: str = ""  # SHA-256 of the decompressed bytes


@dataclass(frozen=True)
class Published:
    """A data set with its mirrors, files (test last) and classes."""

    mirrors: tuple[str, ...]  # tried in this order
    parcels: tuple[Parcel, ...]  # one `.tar.gz` that holds the files, or the files themselves
    files: tuple[File, ...]
    n: int
    shape: tuple[int, int, int]
    classes: tuple[str, ...]

    @property
    def is_archive(self) -> bool:
        """Whether one archive holds all the files."""
        return self.parcels[0].name.endswith(".tar.gz")


DIGITS = tuple("0123456789")
CLOTHES = (
    *("T-shirt/top", "trouser", "pullover", "dress", "coat"),
    *("sandal", "shirt", "sneaker", "bag", "ankle boot"),
)
OBJECTS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
FINE_NAMES = """
    apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus
    butterfly camel can castle caterpillar cattle chair chimpanzee clock cloud cockroach couch crab
    crocodile cup dinosaur dolphin elephant flatfish forest fox girl hamster house kangaroo keyboard
    lamp lawn_mower leopard lion lizard lobster man maple_tree motorcycle mountain mouse mushroom
    oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain plate poppy porcupine
    possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper snail snake
    spider squirrel streetcar sunflower sweet_pepper table tank telephone television tiger tractor
    train trout tulip turtle wardrobe whale willow_tree wolf woman worm
"""
IMAGES, LABELS = 16 + 60000 * 784, 8 + 60000
TEST_IMAGES, TEST_LABELS = 16 + 10000 * 784, 8 + 10000
BATCH, FINE_ROW = 10000 * 3073, 3074

MNIST = Published(
    mirrors=(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
    parcels=(
        Parcel(
            "train-images-idx3-ubyte.gz",
            9912422,
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        ),
        Parcel(
            "train-labels-idx1-ubyte.gz",
            28881,
            "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        ),
        Parcel(
            "t10k-images-idx3-ubyte.gz",
            1648877,
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        ),
        Parcel(
            "t10k-labels-idx1-ubyte.gz",
            4542,
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        ),
    ),
    files=(
        File(
            "mnist/train-images-idx3-ubyte.gz",
            IMAGES,
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        ),
        File(
            "mnist/train-labels-idx1-ubyte.gz",
            LABELS,
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        ),
        File(
            "mnist/t10k-images-idx3-ubyte.gz",
            TEST_IMAGES,
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        ),
        File(
            "mnist/t10k-labels-idx1-ubyte.gz",
            TEST_LABELS,
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
    ),
    n=60000,
    shape=(28, 28, 1),
    classes=DIGITS,
)

FASHION = Published(
    mirrors=(
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    ),
    parcels=(
        Parcel(
            "train-images-idx3-ubyte.gz",
            26421880,
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        ),
        Parcel(
            "train-labels-idx1-ubyte.gz",
            29515,
            "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        ),
        Parcel(
            "t10k-images-idx3-ubyte.gz",
            4422102,
            "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        ),
        Parcel(
            "t10k-labels-idx1-ubyte.gz",
            5148,
            "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        ),
    ),
    files=(
        File(
            "fashion-mnist/train-images-idx3-ubyte.gz",
            IMAGES,
            "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        ),
        File(
            "fashion-mnist/train-labels-idx1-ubyte.gz",
            LABELS,
            "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        ),
        File(
            "fashion-mnist/t10k-images-idx3-ubyte.gz",
            TEST_IMAGES,
            "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        ),
        File(
            "fashion-mnist/t10k-labels-idx1-ubyte.gz",
            TEST_LABELS,
            "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        ),
    ),
    n=60000,
    shape=(28, 28, 1),
    classes=CLOTHES,
)

CIFAR10 = Published(
    mirrors=("https://www.cs.toronto.edu/~kriz/",),
    parcels=(
        Parcel(
            "cifar-10-binary.tar.gz",
            170052171,
            "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
        ),
    ),
    files=tuple(
        File(f"cifar-10-batches-bin/{name}.bin", BATCH, content)
        for name, content in (
            ("data_batch_1", "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5"),
            ("data_batch_2", "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed"),
            ("data_batch_3", "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67"),
            ("data_batch_4", "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48"),
            ("data_batch_5", "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add"),
            ("test_batch", "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b"),
        )
    ),
    n=50000,
    shape=(32, 32, 3),
    classes=OBJECTS,
)

CIFAR100 = Published(
    mirrors=("https://www.cs.toronto.edu/~kriz/",),
    parcels=(
        Parcel(
            "cifar-100-binary.tar.gz",
            168513733,
            "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
        ),
    ),
    files=(
        File("cifar-100-binary/train.bin", 50000 * FINE_ROW),
        File("cifar-100-binary/test.bin", 10000 * FINE_ROW),
    ),
    n=50000,
    shape=(32, 32, 3),
    classes=tuple(FINE_NAMES.split()),
)

PUBLISHED = {"mnist": MNIST, "fashion-mnist": FASHION, "cifar10": CIFAR10, "cifar100": CIFAR100}
