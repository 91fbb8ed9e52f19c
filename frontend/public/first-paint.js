// This script runs before the first paint, so that the page does not flash in the wrong theme or
// language. It is a file of its own because the content security policy forbids inline scripts.
const root = document.documentElement;
const read = (key) => {
  try {
    return localStorage.getItem(key);
  } catch {
    // If localStorage is forbidden, the preferences of the system apply.
    return null;
  }
};
const theme = read('tinypixo:theme');
if (theme === 'light' || theme === 'dark') root.dataset.theme = theme;
// As in src/i18n: the first language that the browser prefers and the page has.
const tags = [read('tinypixo:language'), ...navigator.languages].map((tag) => tag?.slice(0, 2));
root.lang = tags.find((tag) => tag === 'en' || tag === 'de') ?? 'en';
