"""What a ruler and a light meter would say about the page: scripts that answer a list of what is wrong."""

_VISIBLE = """
const drawn = (element) => element.checkVisibility({ visibilityProperty: true }) && element.getClientRects().length > 0;
const visible = (element) => drawn(element) && !element.closest('.hidden');
const ownText = (element) => [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
const called = (element) => `${element.tagName.toLowerCase()} ${(element.ariaLabel ?? element.innerText ?? '').slice(0, 40)}`;
"""

OUTSIDE = f"""() => {{
{_VISIBLE}
const width = document.documentElement.clientWidth;
return [...document.body.querySelectorAll('*')].filter(visible).filter((element) => {{
    const box = element.getBoundingClientRect();
    return box.left < -1 || box.right > width + 1;
}}).map(called);
}}"""
"""Elements that reach beyond the window's sides."""

OVERLAPS = f"""() => {{
{_VISIBLE}
const controls = 'button, a, select, audio, [role=progressbar]';
const shown = [...document.body.querySelectorAll('*')].filter(visible).filter((element) => element.matches(controls) || ownText(element));
const boxes = shown.filter((element) => !element.closest('option')).map((element) => [element, element.getBoundingClientRect()]);
const found = [];
for (const [a, p] of boxes) for (const [b, q] of boxes) {{
    if (a === b || a.contains(b) || b.contains(a) || !(a.compareDocumentPosition(b) & Node.DOCUMENT_POSITION_FOLLOWING)) continue;
    const [wide, high] = [Math.min(p.right, q.right) - Math.max(p.left, q.left), Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top)];
    if (wide > 1 && high > 1) found.push(`${{called(a)}} × ${{called(b)}}`);
}}
return found;
}}"""
"""Pairs of texts or controls that cover each other."""

PALE = f"""() => {{
{_VISIBLE}
const pen = Object.assign(document.createElement('canvas'), {{ width: 1, height: 1 }}).getContext('2d', {{ willReadFrequently: true }});
const painted = (colours) => {{
    pen.clearRect(0, 0, 1, 1);
    for (const colour of colours) {{
        pen.fillStyle = colour;
        pen.fillRect(0, 0, 1, 1);
    }}
    return [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3);
}};
const light = (rgb) => {{
    const [r, g, b] = rgb.map((value) => value / 255).map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}};
const grounds = (element) => (element ? [...grounds(element.parentElement), getComputedStyle(element).backgroundColor] : ['white']);
const texts = [...document.body.querySelectorAll('*')].filter(visible).filter(ownText);
return texts.filter((element) => !element.matches(':disabled, option')).flatMap((element) => {{
    const ground = grounds(element);
    const [dark, bright] = [light(painted(ground)), light(painted([...ground, getComputedStyle(element).color]))].sort((a, b) => a - b);
    const ratio = (bright + 0.05) / (dark + 0.05);
    return ratio < 4.5 ? [`${{ratio.toFixed(2)}}: ${{called(element)}}`] : [];
}});
}}"""
"""Texts whose contrast to what they stand on is below 4.5."""

TEXTS = f"() => {{ {_VISIBLE} return [...document.body.querySelectorAll('*')].filter(visible).filter(ownText).length; }}"
"""How many texts there are: a measure that finds nothing to measure finds nothing wrong."""
