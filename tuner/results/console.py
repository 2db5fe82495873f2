"""The console: text is shown as it is written, never read as markup, emoji codes or escapes."""

from collections.abc import Iterable
from typing import IO, Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from tuner.formatting.printable import printable


class PlainConsole(Console):
    """Rich's console for texts that come from users.

    Rich reads `[v2]` in a table's cell as a style and `:x:` as an emoji; both stay as they are
    here. Control characters become visible escapes wherever they stand.
    """

    def __init__(self, file: IO[str] | None = None, **settings: Any) -> None:
        """Write to a stream.

        Args:
            file: Text stream; None: standard output, whichever it is when something is shown.
            settings: Of rich's console.
        """
        super().__init__(
            file=file,
            markup=False,
            emoji=False,
            highlight=False,
            force_jupyter=False,  # Else each line of a notebook is HTML of its own.
            **settings,
        )

    def render_str(self, text: str, **settings: Any) -> Text:
        """Return the text without what steers a terminal; see rich for the settings."""
        return super().render_str(printable(text), **settings)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Yield what is shown of anything, a `Text` that was built elsewhere among it."""
        for segment in super().render(renderable, options):
            if segment.control:
                yield segment
            else:
                yield Segment(printable(segment.text), segment.style)
