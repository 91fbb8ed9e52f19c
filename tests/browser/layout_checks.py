"""Check the layout of the page by scripts. Each returns a list of what is wrong."""

_HELPERS = """
const isRendered = (element) =>
    element.checkVisibility({ visibilityProperty: true }) && element.getClientRects().length > 0;
const isVisible = (element) => isRendered(element) && !element.closest('.visually-hidden');
const hasOwnText = (element) =>
    [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
const describe = (element) => {
    const text = element.ariaLabel ?? element.innerText ?? '';
    return `${element.tagName.toLowerCase()} ${text.slice(0, 40)}`;
};
const visibleElements = () => [...document.body.querySelectorAll('*')].filter(isVisible);
"""

ELEMENTS_OUTSIDE_WINDOW = f"""() => {{
{_HELPERS}
const width = document.documentElement.clientWidth;
return visibleElements().filter((element) => {{
    const box = element.getBoundingClientRect();
    return box.left < -1 || box.right > width + 1;
}}).map(describe);
}}"""
"""Find elements that reach beyond the left or right side of the window."""

CONTROLS_OUT_OF_REACH = f"""() => {{
{_HELPERS}
const controls = 'button, a[href], select, input, summary, audio, [tabindex="0"]';
const found = [];
for (const control of visibleElements().filter((element) => element.matches(controls))) {{
    control.scrollIntoView({{ block: 'center', behavior: 'instant' }});
    const box = control.getBoundingClientRect();
    const hit = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
    const isHit = hit && (control.contains(hit) || control.closest('label')?.contains(hit));
    if (!isHit) found.push(`${{describe(control)}} is behind ${{hit && describe(hit)}}`);
    const isCut = control.matches('button, a, summary')
        && (control.scrollWidth > control.clientWidth + 1
            || control.scrollHeight > control.clientHeight + 1);
    if (isCut) found.push(`${{describe(control)}} is cut off`);
}}
return found;
}}"""
"""Find controls that cannot be scrolled into view and clicked, or whose text does not fit."""

OVERLAPPING_ELEMENTS = f"""() => {{
{_HELPERS}
const controls = 'button, a, select, audio, [role=progressbar]';
const boxes = visibleElements()
    .filter((element) => element.matches(controls) || hasOwnText(element))
    .filter((element) => !element.closest('option'))
    .map((element) => [element, element.getBoundingClientRect()]);
const found = [];
for (const [a, p] of boxes) for (const [b, q] of boxes) {{
    const isPairSeen = !(a.compareDocumentPosition(b) & Node.DOCUMENT_POSITION_FOLLOWING);
    if (a === b || a.contains(b) || b.contains(a) || isPairSeen) continue;
    const width = Math.min(p.right, q.right) - Math.max(p.left, q.left);
    const height = Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top);
    if (width > 1 && height > 1) found.push(`${{describe(a)}} × ${{describe(b)}}`);
}}
return found;
}}"""
"""Find pairs of texts or controls that overlap."""

LOW_CONTRAST_TEXTS = f"""() => {{
{_HELPERS}
const canvas = Object.assign(document.createElement('canvas'), {{ width: 1, height: 1 }});
const context = canvas.getContext('2d', {{ willReadFrequently: true }});
const blend = (colours) => {{
    context.clearRect(0, 0, 1, 1);
    for (const colour of colours) {{
        context.fillStyle = colour;
        context.fillRect(0, 0, 1, 1);
    }}
    return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
}};
const toLinear = (value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
const luminance = (rgb) => {{
    const [r, g, b] = rgb.map((value) => toLinear(value / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}};
const backgrounds = (element) => element
    ? [...backgrounds(element.parentElement), getComputedStyle(element).backgroundColor]
    : ['white'];
const texts = visibleElements().filter(hasOwnText);
return texts.filter((element) => !element.matches(':disabled, option')).flatMap((element) => {{
    const behind = backgrounds(element);
    const colours = [blend(behind), blend([...behind, getComputedStyle(element).color])];
    const [dark, bright] = colours.map(luminance).sort((a, b) => a - b);
    const ratio = (bright + 0.05) / (dark + 0.05);
    return ratio < 4.5 ? [`${{ratio.toFixed(2)}}: ${{describe(element)}}`] : [];
}});
}}"""
"""Find texts with a contrast below 4.5, the minimum of WCAG AA."""

COUNT_TEXTS = f"() => {{ {_HELPERS} return visibleElements().filter(hasOwnText).length; }}"
"""Count the visible texts, to show that the contrast check had something to check."""
