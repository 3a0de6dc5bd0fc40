"""The closed list of everyday facts that the common-sense family asks about."""

from __future__ import annotations

from typing import NamedTuple

COLOURS = {
    "the sky": "blue",
    "grass": "green",
    "snow": "white",
    "blood": "red",
    "a banana": "yellow",
    "coal": "black",
    "the sun": "yellow",
    "milk": "white",
    "a tomato": "red",
    "a carrot": "orange",
    "a frog": "green",
    "chocolate": "brown",
    "the sea": "blue",
    "a strawberry": "red",
    "a lemon": "yellow",
    "a leaf": "green",
    "a polar bear": "white",
    "a flamingo": "pink",
    "an elephant": "grey",
    "a pumpkin": "orange",
    "a fire engine": "red",
    "salt": "white",
    "a raven": "black",
    "a cucumber": "green",
}
LEGS = {
    "a dog": 4,
    "a cat": 4,
    "a spider": 8,
    "a bird": 2,
    "an ant": 6,
    "a bee": 6,
    "a horse": 4,
    "a cow": 4,
    "a fish": 0,
    "a snake": 0,
    "a human": 2,
    "a chicken": 2,
    "a fly": 6,
    "a duck": 2,
    "a sheep": 4,
    "a table": 4,
    "a chair": 4,
    "an octopus": 8,
    "a person": 2,
    "an insect": 6,
}
OPPOSITES = (
    ("hot", "cold"),
    ("big", "small"),
    ("up", "down"),
    ("fast", "slow"),
    ("day", "night"),
    ("happy", "sad"),
    ("light", "dark"),
    ("old", "young"),
    ("wet", "dry"),
    ("hard", "soft"),
    ("full", "empty"),
    ("open", "closed"),
    ("left", "right"),
    ("rich", "poor"),
    ("strong", "weak"),
    ("tall", "short"),
    ("good", "bad"),
    ("early", "late"),
    ("loud", "quiet"),
    ("clean", "dirty"),
)
SOUNDS = {
    "barks": "dog",
    "meows": "cat",
    "moos": "cow",
    "bleats": "sheep",
    "roars": "lion",
    "quacks": "duck",
    "buzzes": "bee",
    "howls": "wolf",
    "hisses": "snake",
    "neighs": "horse",
    "oinks": "pig",
    "croaks": "frog",
    "hoots": "owl",
    "squeaks": "mouse",
}
USES = {
    "cut paper": "scissors",
    "write": "a pen",
    "open a lock": "a key",
    "tell the time": "a clock",
    "dry your hair": "a towel",
    "see in the dark": "a lamp",
    "drive a nail": "a hammer",
    "eat soup": "a spoon",
    "sweep the floor": "a broom",
    "call a friend": "a phone",
    "brush your teeth": "a toothbrush",
    "stay dry in the rain": "an umbrella",
    "cut bread": "a knife",
    "boil water": "a kettle",
    "take a photo": "a camera",
    "wash your hands": "soap",
}
COUNTS = {
    "days are in a week": 7,
    "months are in a year": 12,
    "hours are in a day": 24,
    "minutes are in an hour": 60,
    "seconds are in a minute": 60,
    "sides does a triangle have": 3,
    "sides does a square have": 4,
    "wheels does a bicycle have": 2,
    "wheels does a car have": 4,
    "fingers are on one hand": 5,
    "eyes does a person have": 2,
    "letters are in the alphabet": 26,
    "sides does a hexagon have": 6,
    "weeks are in a year": 52,
    "cents are in a dollar": 100,
    "days are in a year": 365,
}


class Ranking(NamedTuple):
    """Things from least to most, and the comparatives that ask for the lesser (False) or the greater (True) one."""

    things: tuple[str, ...]
    words: tuple[tuple[str, bool], ...]


def _things(text: str) -> tuple[str, ...]:
    return tuple(thing.strip() for thing in text.split(","))


RANKINGS = {
    "size": Ranking(
        _things(
            """an ant, a bee, a snail, a mouse, a frog, a rat, a duck, a cat, a fox, a dog, a goat, a sheep, a wolf, a pig,
            a man, a lion, a bear, a cow, a horse, a car, an elephant, a bus, a whale, a ship, a mountain"""
        ),
        (("heavier", True), ("lighter", False), ("bigger", True), ("smaller", False), ("larger", True)),
    ),
    "speed": Ranking(
        _things(
            """a snail, a turtle, a baby, a duck, a man, a cat, a bicycle, a dog, a horse, a cheetah, a car, a train,
            a helicopter, a plane, a rocket"""
        ),
        (("faster", True), ("slower", False)),
    ),
    "heat": Ranking(
        _things(
            """ice, snow, cold water, the sea, warm milk, hot tea, boiling water, an oven, a candle, a fire, lava,
            the sun"""
        ),
        (("hotter", True), ("colder", False), ("warmer", True), ("cooler", False)),
    ),
    "price": Ranking(
        _things("a pen, a book, a shirt, a bicycle, a phone, a computer, a car, a house, a plane"),
        (("cheaper", False), ("more expensive", True)),
    ),
}
