// Set the theme and the language before the first paint. Inline scripts are forbidden.
const root = document.documentElement;
let saved = {};
try {
  saved = localStorage;
} catch {
  // The preferences of the system apply.
}
const theme = saved['tinypixo:theme'];
if (/^(light|dark)$/.test(theme)) root.dataset.theme = theme;
const tags = [saved['tinypixo:language'], ...navigator.languages];
root.lang = tags.map((tag) => tag?.slice(0, 2)).find((tag) => /^(en|de)$/.test(tag)) ?? 'en';
