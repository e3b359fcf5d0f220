// Run in a page by test_browser.py: what cannot be read off the source of it.
(() => {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 1;
  const context = canvas.getContext("2d", { willReadFrequently: true });

  // Any CSS colour as [red, green, blue, alpha], 0 to 255 and 0 to 1.
  function rgba(colour) {
    context.clearRect(0, 0, 1, 1);
    context.fillStyle = colour;
    context.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = context.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  }

  const over = (top, below) =>
    [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);

  function ground(element) {
    const layers = [];
    for (let e = element; e; e = e.parentElement) {
      layers.push(rgba(getComputedStyle(e).backgroundColor));
    }
    return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255, 1]);
  }

  function luminance(colour) {
    const [r, g, b] = colour.slice(0, 3).map((value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  }

  function contrast(a, b) {
    const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y);
    return (light + 0.05) / (dark + 0.05);
  }

  function opacity(element) {
    let product = 1;
    for (let e = element; e; e = e.parentElement) product *= getComputedStyle(e).opacity;
    return product;
  }

  // Every visible text whose contrast is below WCAG AA.
  function lowContrast() {
    const found = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    let looked = 0;
    while (walker.nextNode()) {
      const element = walker.currentNode.parentElement;
      const text = walker.currentNode.textContent.trim();
      const hidden = element.closest(".unseen, .skip, option") || !element.checkVisibility();
      if (!text || hidden) continue;
      const style = getComputedStyle(element);
      const colour = rgba(element.closest("svg") ? style.fill : style.color);
      const below = ground(element);
      colour[3] *= opacity(element);
      const size = parseFloat(style.fontSize);
      const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
      const ratio = contrast(over(colour, below), below);
      looked += 1;
      if (ratio < (large ? 3 : 4.5)) found.push(`${ratio.toFixed(2)} ${text.slice(0, 40)}`);
    }
    return { looked, found };
  }

  // Lines and shapes carry meaning too: 3:1.
  function faintMarks() {
    const marks = document.querySelectorAll(".line path:not(.leader), .line circle, .shape *");
    return [...marks].filter((mark) => mark.checkVisibility()).flatMap((mark) => {
      const style = getComputedStyle(mark);
      const paint = style.stroke === "none" ? style.fill : style.stroke;
      const ratio = contrast(rgba(paint), ground(mark));
      return ratio < 3 ? [`${ratio.toFixed(2)} ${mark.outerHTML}`] : [];
    });
  }

  // What reaches beyond the page and is not in a box that scrolls by itself.
  function overflowing() {
    const width = document.documentElement.clientWidth;
    const wide = [...document.querySelectorAll("body *")].filter((e) => {
      if (e.closest(".unseen, .skip") || !e.checkVisibility()) return false;
      const scroller = e.parentElement.closest(".scroll");
      return !scroller && e.getBoundingClientRect().right > width + 0.5;
    });
    if (document.documentElement.scrollWidth > width) wide.push(document.documentElement);
    return wide.map((e) => e.outerHTML.slice(0, 120));
  }

  // Controls that are too small to hit with a finger.
  function smallTargets() {
    const controls = document.querySelectorAll("button, input, select, .strip a");
    return [...controls].filter((e) => e.checkVisibility()).flatMap((e) => {
      const box = e.getBoundingClientRect();
      return Math.min(box.width, box.height) < 23.5 ? [e.outerHTML.slice(0, 120)] : [];
    });
  }

  return { lowContrast, faintMarks, overflowing, smallTargets };
})()
