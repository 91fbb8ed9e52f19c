// A file of its own, run before the first paint: the page allows no inline script, and a module would come too late.
try {
  const theme = localStorage.getItem('tinypixo:theme');
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
} catch {
  // Storage is forbidden: the system's own preference holds.
}
