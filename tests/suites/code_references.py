"""Right solutions of the functions in config/suites/code.yaml, each under the function's name."""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import Any


def count_vowels(text: str) -> int:
    return sum(letter in "aeiou" for letter in text.lower())


def is_palindrome(text: str) -> bool:
    letters = [letter.lower() for letter in text if letter.isalnum()]
    return letters == letters[::-1]


def word_lengths(text: str) -> dict[str, int]:
    return {word: len(word) for word in text.split()}


def caesar(text: str, shift: int) -> str:
    def moved(letter: str) -> str:
        if not letter.isalpha():
            return letter
        base = ord("a") if letter.islower() else ord("A")
        return chr((ord(letter) - base + shift) % 26 + base)

    return "".join(map(moved, text))


def run_lengths(text: str) -> list[list[Any]]:
    found: list[list[Any]] = []
    for letter in text:
        if found and found[-1][0] == letter:
            found[-1][1] += 1
        else:
            found.append([letter, 1])
    return found


def longest_word(text: str) -> str:
    return max(text.split(), key=len, default="")


def title_case(text: str) -> str:
    return " ".join(word[:1].upper() + word[1:].lower() for word in text.split(" "))


def is_anagram(first: str, second: str) -> bool:
    return Counter(first.lower().replace(" ", "")) == Counter(second.lower().replace(" ", ""))


def remove_digits(text: str) -> str:
    return "".join(letter for letter in text if not letter.isdigit())


def most_common_letter(text: str) -> str:
    counts = Counter(letter.lower() for letter in text if letter.isalpha())
    return min(counts, key=lambda letter: (-counts[letter], letter), default="")


def gcd(a: int, b: int) -> int:
    return math.gcd(a, b)


def is_prime(n: int) -> bool:
    return n > 1 and all(n % divisor for divisor in range(2, math.isqrt(n) + 1))


def prime_factors(n: int) -> list[int]:
    found, divisor = [], 2
    while n > 1:
        while n % divisor == 0:
            found.append(divisor)
            n //= divisor
        divisor += 1
    return found


def fibonacci(n: int) -> int:
    a, b = 0, 1
    for _ in range(n):
        a, b = b, a + b
    return a


def digit_sum(n: int) -> int:
    return sum(map(int, str(abs(n))))


def collatz_steps(n: int) -> int:
    steps = 0
    while n != 1:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        steps += 1
    return steps


def to_binary(n: int) -> str:
    return bin(n)[2:]


def to_roman(n: int) -> str:
    text = ""
    for value, numeral in zip(
        (1000, 900, 500, 400, 100, 90, 50, 40, 10, 9, 5, 4, 1),
        ("M", "CM", "D", "CD", "C", "XC", "L", "XL", "X", "IX", "V", "IV", "I"),
        strict=True,
    ):
        text += numeral * (n // value)
        n %= value
    return text


def median(numbers: list[float]) -> float:
    ordered, middle = sorted(numbers), len(numbers) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def leap_years(first: int, last: int) -> int:
    return sum(year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) for year in range(first, last + 1))


def second_largest(numbers: list[int]) -> int | None:
    distinct = sorted(set(numbers))
    return distinct[-2] if len(distinct) > 1 else None


def rotate(items: list[int], steps: int) -> list[int]:
    steps = steps % len(items) if items else 0
    return items[len(items) - steps :] + items[: len(items) - steps]


def flatten(nested: list[Any]) -> list[Any]:
    return [part for item in nested for part in (flatten(item) if isinstance(item, list) else [item])]


def chunks(items: list[int], size: int) -> list[list[int]]:
    return [items[start : start + size] for start in range(0, len(items), size)]


def common_items(first: list[int], second: list[int]) -> list[int]:
    return sorted(set(first) & set(second))


def running_max(numbers: list[int]) -> list[int]:
    return [max(numbers[: place + 1]) for place in range(len(numbers))]


def transpose(matrix: list[list[int]]) -> list[list[int]]:
    return [list(column) for column in zip(*matrix, strict=True)]


def pairs_with_sum(numbers: list[int], total: int) -> int:
    return sum(a + b == total for place, a in enumerate(numbers) for b in numbers[place + 1 :])


def invert(mapping: dict[str, str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key, value in mapping.items():
        found.setdefault(value, []).append(key)
    return {value: sorted(keys) for value, keys in found.items()}


def merge_sorted(first: list[int], second: list[int]) -> list[int]:
    return sorted(first + second)


def balanced(text: str) -> bool:
    closing, open_ = {")": "(", "]": "[", "}": "{"}, []
    for letter in text:
        if letter in "([{":
            open_.append(letter)
        elif letter in closing and (not open_ or open_.pop() != closing[letter]):
            return False
    return not open_


def evaluate_rpn(tokens: list[str]) -> int:
    stack: list[int] = []
    for token in tokens:
        if token in ("+", "-", "*"):
            b, a = stack.pop(), stack.pop()
            stack.append({"+": a + b, "-": a - b, "*": a * b}[token])
        else:
            stack.append(int(token))
    return stack[-1]


def edit_distance(first: str, second: str) -> int:
    row = list(range(len(second) + 1))
    for i, a in enumerate(first, 1):
        new = [i]
        for j, b in enumerate(second, 1):
            new.append(min(row[j] + 1, new[-1] + 1, row[j - 1] + (a != b)))
        row = new
    return row[-1]


def merge_intervals(intervals: list[list[int]]) -> list[list[int]]:
    found: list[list[int]] = []
    for low, high in sorted(intervals):
        if found and low <= found[-1][1]:
            found[-1][1] = max(found[-1][1], high)
        else:
            found.append([low, high])
    return found


def longest_increasing(numbers: list[int]) -> int:
    best: list[int] = []
    for place, number in enumerate(numbers):
        before = [best[at] for at in range(place) if numbers[at] < number]
        best.append(1 + max(before, default=0))
    return max(best, default=0)


def coin_ways(amount: int, coins: list[int]) -> int:
    ways = [1] + [0] * amount
    for coin in coins:
        for total in range(coin, amount + 1):
            ways[total] += ways[total - coin]
    return ways[amount]


def seconds_of(clock: str) -> int:
    hours, minutes, seconds = map(int, clock.split(":"))
    return 3600 * hours + 60 * minutes + seconds


def find_numbers(text: str) -> list[int]:
    return [int(found) for found in re.findall(r"-?\d+", text)]
