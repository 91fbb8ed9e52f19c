import { decimal, language } from '.';

/** The sentences about waveforms. They are loaded with the waveforms, and not with the page. */
const en = {
  fields: {
    start: 'Start at (seconds)',
    end: 'End at (seconds)',
    fade_in: 'Fade in (seconds)',
    fade_out: 'Fade out (seconds)',
    normalize: 'Loudness (LUFS)',
  },
  loudnessTargets: [
    ['-14', 'Streaming'],
    ['-16', 'Podcasts'],
    ['-23', 'Radio and television'],
  ] as [string, string][],
  waveformOf: (name: string) => `Waveform of ${name}`,
  sliders: {
    start: (name: string) => `Start of ${name}`,
    end: (name: string) => `End of ${name}`,
    fadeIn: (name: string) => `Fade-in of ${name}`,
    fadeOut: (name: string) => `Fade-out of ${name}`,
    position: (name: string) => `Position in ${name}`,
  },
  noFade: 'no fade',
  minutes: (count: number) => (count === 1 ? '1 minute' : `${count} minutes`),
  seconds: (count: string) => (count === '1' ? '1 second' : `${count} seconds`),
  play: 'Play',
  playOf: (name: string) => `Play ${name}`,
  playSelection: 'Play selection',
  playSelectionOf: (name: string) => `Play selection of ${name}`,
  stop: 'Stop',
  stopOf: (name: string) => `Stop ${name}`,
  selected: (length: string, total: string) => `${length} of ${total} selected`,
  wholeFile: 'Whole file',
  wholeFileOf: (name: string) => `Whole file: remove the trim and the fades of ${name}`,
  drawing: 'Drawing the waveform …',
  tooLong:
    'This file is too long to draw its waveform here. You can still use the handles and the times.',
  unreadable:
    'This browser cannot read the sound of this file, so there is no waveform. ' +
    'You can still set the times below.',
  gone:
    'This browser no longer has the file, so there is no waveform. ' +
    'You can still set the times below.',
  compareOf: (name: string) => `Source and result of ${name}`,
  hear: 'What you hear',
  sourceSide: 'A: source',
  resultSide: 'B: result',
  time: (time: string, total: string) => `${time} of ${total}`,
  loadingResult: 'Loading the result …',
  sourceGone: 'This browser no longer has the source. Only the result can be played.',
  sourceUnplayable: 'This browser cannot play the source. Only the result can be played.',
  resultUnplayable: 'This browser cannot play this format. Download the result to listen to it.',
  otherTrack: 'Browsers play a different audio track of this file. Only the result can be played.',
  onlyPlayed: 'Too long to draw. You can still play it.',
};

const de: typeof en = {
  fields: {
    start: 'Anfang (Sekunden)',
    end: 'Ende (Sekunden)',
    fade_in: 'Einblenden (Sekunden)',
    fade_out: 'Ausblenden (Sekunden)',
    normalize: 'Lautheit (LUFS)',
  },
  loudnessTargets: [
    ['-14', 'Streaming-Dienste'],
    ['-16', 'Podcasts, Hörbücher'],
    ['-23', 'Radio und Fernsehen'],
  ],
  waveformOf: (name) => `Wellenform von ${name}`,
  sliders: {
    start: (name) => `Anfang von ${name}`,
    end: (name) => `Ende von ${name}`,
    fadeIn: (name) => `Einblenden von ${name}`,
    fadeOut: (name) => `Ausblenden von ${name}`,
    position: (name) => `Stelle in ${name}`,
  },
  noFade: 'keine Blende',
  minutes: (count) => (count === 1 ? '1 Minute' : `${count} Minuten`),
  seconds: (count) => (count === '1' ? '1 Sekunde' : `${count} Sekunden`),
  play: 'Abspielen',
  playOf: (name) => `Abspielen: ${name}`,
  playSelection: 'Auswahl anhören',
  playSelectionOf: (name) => `Auswahl anhören: ${name}`,
  stop: 'Stopp',
  stopOf: (name) => `Stopp: ${name}`,
  selected: (length, total) => `${length} von ${total} ausgewählt`,
  wholeFile: 'Ganze Datei',
  wholeFileOf: (name) => `Ganze Datei: Schnitt und Blenden von ${name} zurücknehmen`,
  drawing: 'Die Wellenform wird gezeichnet …',
  tooLong:
    'Diese Datei ist zu lang, um ihre Wellenform hier zu zeichnen. ' +
    'Die Griffe und die Zeiten gehen trotzdem.',
  unreadable:
    'Dieser Browser kann den Ton dieser Datei nicht lesen, deshalb gibt es keine Wellenform. ' +
    'Die Zeiten unten gehen trotzdem.',
  gone:
    'Dieser Browser hat die Datei nicht mehr, deshalb gibt es keine Wellenform. ' +
    'Die Zeiten unten gehen trotzdem.',
  compareOf: (name) => `Quelle und Ergebnis von ${name}`,
  hear: 'Was du hörst',
  sourceSide: 'A: Quelle',
  resultSide: 'B: Ergebnis',
  time: (time, total) => `${time} von ${total}`,
  loadingResult: 'Das Ergebnis wird geladen …',
  sourceGone: 'Dieser Browser hat die Quelle nicht mehr. Nur das Ergebnis lässt sich abspielen.',
  sourceUnplayable:
    'Dieser Browser kann die Quelle nicht abspielen. Nur das Ergebnis lässt sich abspielen.',
  resultUnplayable:
    'Dieser Browser kann dieses Format nicht abspielen. ' +
    'Lade das Ergebnis herunter, um es zu hören.',
  otherTrack:
    'Browser spielen eine andere Tonspur dieser Datei. Nur das Ergebnis lässt sich abspielen.',
  onlyPlayed: 'Zu lang zum Zeichnen. Abspielen geht trotzdem.',
};

export const waveformCatalogues = { en, de };

/** Return the sentences in the language of the page. */
export const waveformTexts = () => waveformCatalogues[language];

/** Return a time in words, for screen readers: "2 minutes 3.5 seconds". */
export function spokenTime(seconds: number): string {
  const t = waveformTexts();
  const tenths = Math.round(seconds * 10);
  const minutes = Math.floor(tenths / 600);
  const rest = (tenths % 600) / 10;
  const parts = [minutes && t.minutes(minutes), (rest || !minutes) && t.seconds(decimal(rest))];
  return parts.filter(Boolean).join(' ');
}

/** Return a time for the eye: "2:03.5". */
export function shownTime(seconds: number): string {
  const tenths = Math.round(seconds * 10);
  const [h, m, s] = [Math.floor(tenths / 36_000), Math.floor(tenths / 600) % 60, tenths % 600];
  const end = decimal((s / 10).toFixed(1).padStart(4, '0'));
  return h ? `${h}:${String(m).padStart(2, '0')}:${end}` : `${m}:${end}`;
}
