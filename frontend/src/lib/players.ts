/** Pause all players of the page but these, so that only one sounds. */
export function pauseOtherPlayers(...own: (HTMLMediaElement | null)[]): void {
  for (const player of document.querySelectorAll('audio')) {
    if (!own.includes(player)) player.pause();
  }
}
