"""Right or not yet: the self-checks beside the exercises of the notebooks."""

import hashlib
from collections.abc import Callable
from typing import Any


def seal(answer: Any) -> str:
    """Eight digits that belong to an answer and do not show it.

    Args:
        answer: a whole number or a word; capitals and spaces around it do not count.
    """
    return hashlib.sha256(str(answer).strip().lower().encode()).hexdigest()[:8]


def check(answer: Any, is_right: str | Callable[[Any], bool]) -> None:
    """Print whether an answer is right; while it is ``...``, that there is none yet.

    Args:
        answer: what an exercise asks for: a number, a word, a function, a picture.
        is_right: the `seal` of the right answer, or a function that says whether an
            answer is right. What it raises counts as "not yet", with its message.
    """
    if answer is ...:
        print("No answer yet: put yours in place of the dots and run this cell again.")
        return
    try:
        right = (
            seal(answer) == is_right if isinstance(is_right, str) else is_right(answer)
        )
    except Exception as error:  # whatever an attendee's own function raises
        print(f"Not yet: the check stopped at {type(error).__name__}: {error}")
        return
    print("Right." if right else "Not yet: the hint helps.")
