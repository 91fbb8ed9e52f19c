/** Download a URL as if the user had followed a link to it. The page stays open. */
export function saveByLink(url: string, filename = ''): void {
  const link = document.createElement('a');
  link.href = url;
  link.download = filename;
  document.body.append(link);
  link.click();
  link.remove();
}
