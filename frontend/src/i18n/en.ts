/**
 * Every sentence of the page, in English. A sentence with numbers or names is a function.
 *
 * Other languages have this type: the compiler reports a sentence without its translation.
 */
export const en = {
  locale: 'en-GB',
  decimalMark: '.',

  // The page
  pageTitle: 'TinyPixo – audio converter',
  headline: 'Convert audio to the format you need.',
  intro:
    'Add music, recordings or videos. Watch each file upload and convert, then play or download ' +
    'the result.',
  unreachable: 'TinyPixo is not available. This page keeps trying: you don’t need to do anything.',
  yourFiles: 'Your files',
  howItWorks: 'How TinyPixo works',
  features: [
    [
      'Uploads resume.',
      'Close the tab or lose the network: the upload continues when you come back.',
    ],
    ['You see every step.', 'Chunks, speed, place in the queue and time left, as they happen.'],
    ['Files expire.', 'Each file shows how long it is kept. You can delete it at any time.'],
  ] as [string, string][],

  // The header
  connections: { live: 'Live', polling: 'Slow updates', offline: 'Offline' },
  connectionTitles: {
    live: 'Changes are shown as they happen.',
    polling: 'Live updates are not available. This page checks for changes every few seconds.',
    offline: 'TinyPixo cannot be reached. This page reconnects by itself.',
  },
  language: 'Language',
  switchTheme: { light: 'Switch to light colours', dark: 'Switch to dark colours' },

  // Adding files
  addFiles: 'Add files',
  chooseFiles: 'Choose files',
  dropHere: 'Drop audio or video files here',
  dropMore: 'Drop more files anywhere',
  tapHere: 'Audio and video files',
  tapMore: 'More files',
  limits: (size: string, time: string) =>
    `Up to ${size} for each file. Files are deleted after ${time}.`,
  hours: (hours: number) => `${hours} hours`,
  days: (days: number) => `${days} days`,
  release: 'Release to add the files',
  setAside: (names: string, others: number) =>
    `Left out, because they are not audio or video: ${names}` +
    (others > 0 ? ` and ${others} more.` : '.'),
  earlyUpload: 'Upload files while I choose the settings. Files that I remove are deleted.',
  deleteEverything: 'Delete everything now',
  deleteEverythingSure: 'Really delete all files and results? This cannot be undone.',
  notifyMe: 'Notify me when everything is done',
  undo: 'Undo',
  undoKeys: 'Ctrl+Z',
  closeMessage: 'Close this message',

  // The bars above the list
  newFiles: 'New files',
  readyToConvert: (count: number) => `${count} files are ready to convert`,
  differentSettings: 'with different settings',
  toSettings: (settings: string) => `to ${settings}`,
  purpose: 'Purpose',
  ownSettings: 'Custom settings',
  presets: {
    voice: 'Voice',
    podcast: 'Podcast (−16 LUFS, mono)',
    music: 'Music (320 kbit/s)',
    archive: 'Archive (FLAC)',
    ringtone: 'Ringtone (30 s, M4A)',
  },
  convertAll: 'Convert all',
  howToConvertAll: 'Settings for all new files',
  allFiles: 'All files',
  totals: (done: number, started: number, failed: number) =>
    `${done} of ${started} done${failed ? `, ${failed} failed` : ''}`,
  titleRunning: (percent: number, done: number, started: number) =>
    `${percent}% · ${done} of ${started} done`,
  titleEnded: (done: number, failed: number) =>
    failed ? `${failed} failed, ${done} done` : `${done} done`,
  pauseAll: 'Pause all',
  resumeAll: 'Resume all',
  retryFailed: 'Retry failed',
  downloadAll: 'Download all',
  cancelPacking: (packed: number, count: number) => `Cancel download (${packed} of ${count} ready)`,
  removeAll: 'Remove all',

  // A file
  saving: 'saving in this browser',
  onlyInThisTab: 'only in this tab: keep it open',
  keptUntilInline: 'kept until',
  keptUntil: 'Kept until',
  expired: 'expired',
  today: (clock: string) => `today, ${clock}`,
  tomorrow: (clock: string) => `tomorrow, ${clock}`,
  howToConvert: (name: string) => `Settings for ${name}`,
  convert: 'Convert',
  starting: 'Starting',
  pause: 'Pause',
  pauseFile: (name: string) => `Pause ${name}`,
  resume: 'Resume',
  resumeFile: (name: string) => `Resume ${name}`,
  tryAgain: 'Try again',
  tryFileAgain: (name: string) => `Try ${name} again`,
  cancel: 'Cancel',
  cancelling: 'Cancelling',
  cancelFile: (name: string) => `Cancel ${name}`,
  deleteFile: (name: string) => `Delete ${name}`,
  deleteTitle: 'Delete the file and all results',
  remove: 'Remove',
  removeFile: (name: string) => `Remove ${name}`,
  convertThis: 'Convert this file',
  convertAgain: 'Convert to another format',
  anotherFormat: (name: string) => `Another format for ${name}`,
  close: 'Close',

  // An upload
  uploadOf: (name: string) => `Upload of ${name}`,
  chunks: (completed: number, count: number) => `${completed} of ${count} chunks arrived`,
  uploaded: 'Uploaded',
  uploadingElsewhere: 'Upload in another tab',
  interrupted: 'Upload interrupted',
  preparing: 'Preparing the upload',
  queued: 'Waiting for other uploads',
  paused: 'Paused',
  uploadStopped: 'Upload stopped',
  waitingForNetwork: 'Waiting for the network',
  serviceBusy: 'The service cannot answer now, trying again',
  stalled: 'Stalled: no progress for some seconds',
  completing: 'Completing the upload',
  uploading: 'Uploading',
  uploadingViaService: 'Uploading through the service',
  bytesOf: (part: string, total: string) => `${part} of ${total}`,

  // The settings of a conversion
  convertTo: 'Convert to',
  bitrate: 'Bitrate',
  quality: 'Quality',
  sampleRate: 'Sample rate',
  channels: 'Channels',
  bitDepth: 'Bit depth',
  variable: 'Variable',
  original: 'Original',
  track: 'Audio track',
  trackName: (number: number, facts: string) => `${number}: ${facts}`,
  about: (size: string) => `about ${size}`,
  qualityNotes: { default: 'default', best: 'best', smallest: 'smallest' },
  channelNames: { 1: 'Mono', 2: 'Stereo', 6: '5.1 surround', 8: '7.1 surround' } as Record<
    number,
    string
  >,
  channelCount: (count: number) => `${count} channels`,
  bits: (bits: number) => `${bits}-bit`,
  edits: 'Trim, fades and loudness',

  // A conversion
  fileToFormat: (name: string, format: string) => `${name} to ${format}`,
  conversionOf: (name: string, format: string) => `Conversion of ${name} to ${format}`,
  cancelConversion: (name: string) => `Cancel the conversion of ${name}`,
  retryConversion: (name: string, format: string) => `Try to convert ${name} to ${format} again`,
  removeConversion: (name: string, format: string) =>
    `Remove the conversion of ${name} to ${format}`,
  done: 'Done',
  failed: 'Failed',
  cancelled: 'Cancelled',
  waitingForUpload: 'Waiting for the upload',
  reading: 'Reading the file',
  storing: 'Saving the result',
  converting: 'Converting',
  inQueue: 'In the queue',
  nextInQueue: 'Next in the queue',
  placeInQueue: (place: number) => `In the queue, number ${place}`,
  secondsLeft: (seconds: number) => `${seconds} s left`,
  minutesLeft: (minutes: number) => `${minutes} min left`,
  hoursLeft: (hours: string) => `${hours} h left`,

  // A result
  loadingResult: 'Loading the result…',
  download: 'Download',
  downloadFile: (name: string) => `Download ${name}`,
  share: 'Share',
  shareFile: (name: string) => `Share ${name}`,
  listenTo: (name: string) => `Listen to ${name}`,
  compare: 'Compare',
  compareFile: (name: string) => `Compare ${name} with its source`,
  file: 'File',
  size: 'Size',
  length: 'Length',
  notes: 'Notes about the result',
  details: 'Details',
  detailsOf: (name: string) => ` of ${name}`,

  // Announcements for screen readers
  theFile: 'The file',
  wasAdded: (name: string) => `${name} was added.`,
  wereAdded: (count: number) => `${count} files were added.`,
  wasRemoved: (name: string) => `${name} was removed.`,
  wereRemoved: (count: number) => `${count} files were removed.`,
  undone: 'The removal was undone.',
  connectionLost: 'The connection is lost. Uploads continue when it is back.',
  connectionBack: 'The connection is back.',
  uploadFinished: (name: string) => `${name}: upload finished.`,
  uploadFailedBecause: (name: string, reason: string) => `${name}: upload failed. ${reason}`,
  uploadStoppedBecause: (name: string, reason: string) => `${name}: upload stopped. ${reason}`,
  waitsForNetwork: (name: string) => `${name}: waiting for the network.`,
  isConverting: (name: string, format: string) => `${name}: converting to ${format}.`,
  isReady: (name: string, format: string) => `${name}: the ${format} is ready to download.`,
  conversionFailedBecause: (name: string, format: string, reason: string) =>
    `${name}: converting to ${format} failed. ${reason}`,
  wasCancelled: (name: string, format: string) => `${name}: converting to ${format} was cancelled.`,

  /** Sentences for problems, by code. Those of the services come with a sentence in English. */
  problems: {
    disk_full:
      'There is not enough space on this device for all results. Download them one by one.',
    file_changed:
      'The file was moved or changed on your disk during the upload. Add it again to start over.',
    file_empty: 'This file is empty (0 bytes). Choose another file.',
    file_too_large: 'This file is larger than allowed. Choose a smaller one, or trim it first.',
    network: 'TinyPixo cannot be reached. Check your connection and try again.',
    storage: 'The storage refused the file. Try again in a moment.',
    unplayable: 'This browser could not play the result. Try again, or download it.',
    unexpected: 'Something went wrong in this page. Reload it: uploaded files are kept.',
    upload_stopped: 'This upload was stopped before it was complete. Add the file again.',
    unknown: 'The conversion failed for an unknown reason. Try again.',
  } as Record<string, string>,
  /** Advice for problems whose description contains none, by code. */
  advice: {
    conversion_not_found: 'Or your session has ended. Add the file again.',
    option_invalid: 'Choose other settings.',
    upload_not_found: 'Or your session has ended. Add the file again.',
  } as Record<string, string>,
  /** Sentences for warnings, by code. They come with a sentence in English. */
  warnings: {} as Record<string, string>,
};

export type Catalogue = typeof en;
