// This script runs before the first paint, so that the page does not flash in the wrong theme.
// It is a file of its own because the content security policy forbids inline scripts.
try {
  const theme = localStorage.getItem('tinypixo:theme');
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
} catch {
  // If localStorage is forbidden, the preference of the system applies.
}
