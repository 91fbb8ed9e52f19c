import type { Catalogue } from './en';
import { problems, warnings } from './deProblems';

/** Every sentence of the page, in German. */
export const de: Catalogue = {
  locale: 'de-DE',
  decimalMark: ',',

  // The page
  pageTitle: 'TinyPixo – Audio umwandeln',
  headline: 'Audio in das Format, das du brauchst.',
  intro:
    'Zieh Musik, Aufnahmen oder Videos hierher. Sieh zu, wie jede Datei hochgeladen und ' +
    'umgewandelt wird, und hör das Ergebnis an oder lade es herunter.',
  unreachable:
    'TinyPixo ist nicht erreichbar. Diese Seite versucht es weiter: Du musst nichts tun.',
  yourFiles: 'Deine Dateien',
  howItWorks: 'So arbeitet TinyPixo',
  features: [
    [
      'Uploads gehen weiter.',
      'Tab geschlossen oder Netz weg: Der Upload macht weiter, wenn du zurückkommst.',
    ],
    [
      'Du siehst jeden Schritt.',
      'Teile, Tempo, Platz in der Warteschlange und Restzeit, während es geschieht.',
    ],
    [
      'Dateien laufen ab.',
      'Bei jeder Datei steht, wie lange sie bleibt. Du kannst sie jederzeit löschen.',
    ],
  ],

  // The header
  connections: { live: 'Live', polling: 'Verzögert', offline: 'Offline' },
  connectionTitles: {
    live: 'Änderungen erscheinen sofort.',
    polling: 'Live-Meldungen kommen nicht durch. Diese Seite fragt alle paar Sekunden nach.',
    offline: 'TinyPixo ist nicht erreichbar. Diese Seite verbindet sich von selbst wieder.',
  },
  language: 'Sprache',
  switchTheme: { light: 'Helle Farben verwenden', dark: 'Dunkle Farben verwenden' },

  // Adding files
  addFiles: 'Dateien hinzufügen',
  chooseFiles: 'Dateien wählen',
  chooseMedia: 'Audio- oder Videodateien wählen',
  dropHere: 'Audio- oder Videodateien hier ablegen',
  dropMore: 'Weitere Dateien hier ablegen',
  limits: (size, time) => `Bis zu ${size} je Datei. Dateien werden nach ${time} gelöscht.`,
  hours: (hours) => `${hours} Stunden`,
  days: (days) => `${days} Tagen`,
  release: 'Loslassen, um die Dateien hinzuzufügen',
  setAside: (names, others) =>
    `Weggelassen, weil weder Audio noch Video: ${names}` +
    (others > 0 ? ` und ${others} weitere.` : '.'),
  earlyUpload:
    'Dateien hochladen, während ich Einstellungen wähle. Was ich entferne, wird gelöscht.',
  deleteEverything: 'Jetzt alles löschen',
  deleteEverythingSure: 'Wirklich alle Dateien und Ergebnisse löschen? Das ist endgültig.',
  notifyMe: 'Sag Bescheid, wenn alles fertig ist',
  undo: 'Rückgängig',
  undoKeys: 'Strg+Z',
  closeMessage: 'Diese Meldung schließen',

  // The bars above the list
  newFiles: 'Neue Dateien',
  readyToConvert: (count) => `${count} Dateien sind bereit`,
  differentSettings: 'mit verschiedenen Einstellungen',
  toSettings: (settings) => `für ${settings}`,
  purpose: 'Zweck',
  ownSettings: 'Eigene Einstellungen',
  presets: {
    voice: 'Sprache',
    podcast: 'Podcast (−16 LUFS, Mono)',
    music: 'Musik (320 kbit/s)',
    archive: 'Archiv (FLAC)',
    ringtone: 'Klingelton (30 s, M4A)',
  },
  convertAll: 'Alle umwandeln',
  howToConvertAll: 'Einstellungen für alle neuen Dateien',
  allFiles: 'Alle Dateien',
  totals: (done, started, failed) =>
    `${done} von ${started} fertig${failed ? `, ${failed} fehlgeschlagen` : ''}`,
  titleRunning: (percent, done, started) => `${percent} % · ${done} von ${started} fertig`,
  titleEnded: (done, failed) =>
    failed ? `${failed} fehlgeschlagen, ${done} fertig` : `${done} fertig`,
  pauseAll: 'Alle anhalten',
  resumeAll: 'Alle fortsetzen',
  retryFailed: 'Fehlgeschlagene wiederholen',
  downloadAll: 'Alle herunterladen',
  cancelPacking: (packed, count) => `Packen abbrechen (${packed} von ${count})`,
  removeAll: 'Alle entfernen',

  // A file
  saving: 'wird in diesem Browser gesichert',
  onlyInThisTab: 'nur in diesem Tab: Lass ihn offen',
  waitingForOthers: 'wartet auf andere Uploads',
  preparing: 'Upload wird vorbereitet',
  keptUntilInline: 'bleibt bis',
  keptUntil: 'Bleibt bis',
  expired: 'abgelaufen',
  today: (clock) => `heute, ${clock}`,
  tomorrow: (clock) => `morgen, ${clock}`,
  howToConvert: (name) => `Einstellungen für ${name}`,
  convert: 'Umwandeln',
  starting: 'Beginnt',
  pause: 'Anhalten',
  pauseFile: (name) => `${name}: anhalten`,
  resume: 'Fortsetzen',
  resumeFile: (name) => `${name}: fortsetzen`,
  tryAgain: 'Noch einmal',
  tryFileAgain: (name) => `${name}: noch einmal versuchen`,
  cancel: 'Abbrechen',
  cancelling: 'Bricht ab',
  cancelFile: (name) => `${name}: abbrechen`,
  deleteFile: (name) => `${name}: löschen`,
  deleteTitle: 'Die Datei und alle Ergebnisse löschen',
  remove: 'Entfernen',
  removeFile: (name) => `${name}: entfernen`,
  convertThis: 'Diese Datei umwandeln',
  convertAgain: 'Weiteres Format',
  anotherFormat: (name) => `Weiteres Format für ${name}`,
  close: 'Schließen',

  // An upload
  uploadOf: (name) => `Upload von ${name}`,
  chunks: (completed, count) => `${completed} von ${count} ${count === 1 ? 'Teil' : 'Teilen'}`,
  uploaded: 'Hochgeladen',
  uploadingElsewhere: 'Wird in einem anderen Tab hochgeladen',
  interrupted: 'Upload unterbrochen',
  queued: 'Wartet auf andere Uploads',
  paused: 'Angehalten',
  uploadStopped: 'Upload gestoppt',
  waitingForNetwork: 'Wartet auf das Netz',
  serviceBusy: 'Der Dienst ist ausgelastet, neuer Versuch läuft',
  stalled: 'Stockt: Es kommen keine Daten durch',
  completing: 'Upload wird abgeschlossen',
  uploading: 'Wird hochgeladen',
  uploadingViaService: 'Wird über den Dienst hochgeladen',
  bytesOf: (part, total) => `${part} von ${total}`,
  otherFile: (name) =>
    `„${name}“ ist eine andere Datei oder wurde verändert. ` +
    'Wähle die ursprüngliche Datei oder beginne mit dieser neu.',
  continueFrom: (next, count) =>
    `Wähle dieselbe Datei noch einmal, um bei Teil ${next} von ${count} weiterzumachen.`,
  closedTooEarly:
    'Die Seite wurde geschlossen, bevor diese Datei gesichert war. Wähle sie noch einmal.',
  chooseAgain: 'Datei noch einmal wählen',
  chooseFileAgain: (name) => `${name} noch einmal wählen`,
  startOver: 'Mit der anderen Datei neu beginnen',

  // The settings of a conversion
  convertTo: 'Umwandeln in',
  bitrate: 'Bitrate',
  quality: 'Qualität',
  sampleRate: 'Abtastrate',
  channels: 'Kanäle',
  bitDepth: 'Bittiefe',
  variable: 'Variabel',
  original: 'Original',
  track: 'Tonspur',
  trackName: (number, facts) => `${number}: ${facts}`,
  about: (size) => `etwa ${size}`,
  qualityNotes: { default: 'Standard', best: 'beste', smallest: 'kleinste' },
  channelNames: { 1: 'Mono', 2: 'Stereo', 6: '5.1 Surround', 8: '7.1 Surround' },
  channelCount: (count) => `${count} Kanäle`,
  bits: (bits) => `${bits} Bit`,
  shape: 'Schnitt, Blenden und Lautheit',

  // A conversion
  fileToFormat: (name, format) => `${name} in ${format}`,
  conversionOf: (name, format) => `Umwandlung von ${name} in ${format}`,
  cancelConversion: (name) => `Umwandlung von ${name} abbrechen`,
  retryConversion: (name, format) => `${name} noch einmal in ${format} umwandeln`,
  removeConversion: (name, format) => `Umwandlung von ${name} in ${format} entfernen`,
  done: 'Fertig',
  failed: 'Fehlgeschlagen',
  cancelled: 'Abgebrochen',
  waitingForUpload: 'Wartet auf den Upload',
  reading: 'Datei wird gelesen',
  storing: 'Ergebnis wird gespeichert',
  converting: 'Wird umgewandelt',
  inQueue: 'In der Warteschlange',
  nextInQueue: 'Als Nächstes an der Reihe',
  placeInQueue: (place) => `Platz ${place} in der Warteschlange`,
  secondsLeft: (seconds) => `noch ${seconds} s`,
  minutesLeft: (minutes) => `noch ${minutes} min`,
  hoursLeft: (hours) => `noch ${hours} h`,

  // A result
  loadingResult: 'Ergebnis wird geladen …',
  download: 'Herunterladen',
  downloadFile: (name) => `${name} herunterladen`,
  share: 'Teilen',
  shareFile: (name) => `${name} teilen`,
  listenTo: (name) => `${name} anhören`,
  compare: 'Vergleichen',
  compareFile: (name) => `Vergleichen: ${name} mit der Quelle`,
  file: 'Datei',
  size: 'Größe',
  length: 'Länge',
  notes: 'Hinweise zum Ergebnis',
  details: 'Details',
  detailsOf: (name) => ` zu ${name}`,
  source: 'Quelle',
  tags: 'Angaben',
  withCover: 'mit Titelbild',
  result: 'Ergebnis',
  hash: 'SHA-256 des Ergebnisses',
  unknown: 'unbekannt',

  // Announcements for screen readers
  theFile: 'Die Datei',
  wasAdded: (name) => `${name} wurde hinzugefügt.`,
  wereAdded: (count) => `${count} Dateien wurden hinzugefügt.`,
  wasRemoved: (name) => `${name} wurde entfernt.`,
  wereRemoved: (count) => `${count} Dateien wurden entfernt.`,
  connectionLost: 'Die Verbindung ist weg. Deine Dateien machen weiter, wenn sie wieder da ist.',
  connectionBack: 'Die Verbindung ist wieder da.',
  uploadFinished: (name) => `${name}: fertig hochgeladen.`,
  uploadFailedBecause: (name, reason) => `${name}: Upload fehlgeschlagen. ${reason}`,
  uploadStoppedBecause: (name, reason) => `${name}: Upload gestoppt. ${reason}`,
  waitsForNetwork: (name) => `${name}: wartet auf das Netz.`,
  isConverting: (name, format) => `${name}: wird in ${format} umgewandelt.`,
  isReady: (name, format) => `${name}: ${format} ist bereit zum Herunterladen.`,
  conversionFailedBecause: (name, format, reason) =>
    `${name}: Umwandlung in ${format} fehlgeschlagen. ${reason}`,
  wasCancelled: (name, format) => `${name}: Umwandlung in ${format} abgebrochen.`,

  problems,
  advice: {},
  warnings,
};
