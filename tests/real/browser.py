"""Checks of the controls of a page in the browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

_CONTRAST = (Path(__file__).parent / "contrast.js").read_text("utf-8")
_UNNAMED = """
all => all.filter(one => one.role !== 'presentation' && one.checkVisibility()
    && !one.ariaLabel && !one.placeholder && !one.textContent.trim() && !one.labels?.length
    && !document.getElementById(one.getAttribute('aria-labelledby')))
  .map(one => `no name: ${one.outerHTML.slice(0, 80)}`)
"""
_CONTROLS = "button, input, textarea, nav, section, dialog, table, [role], [tabindex]"
_SAME_IDS = """
all => all.filter(one => document.querySelectorAll(`#${CSS.escape(one.id)}`).length > 1)
  .map(one => `two of #${one.id}`)
"""
_UNSEEN_FOCUS = """
() => {
  const one = document.activeElement, style = getComputedStyle(one);
  const shows = style.outlineStyle !== 'none' || style.boxShadow !== 'none';
  return shows || one.matches('body, textarea') ? [] : [`focus is not seen: ${one.outerHTML.slice(0, 80)}`];
}
"""


def flaws(page: Any) -> list[str]:
    """Return the controls without a name, the texts without contrast, and the like, of what is shown now."""
    return [
        *page.eval_on_selector_all(_CONTROLS, _UNNAMED),
        *page.eval_on_selector_all("[id]", _SAME_IDS),
        *page.evaluate(_CONTRAST),
        *page.evaluate(_UNSEEN_FOCUS),
    ]
