// Uploads a file by tus-js-client, and resumes what an earlier run of the same file began.
// Usage: node upload.mjs ENDPOINT TOKEN FILE STATE CHUNK_SIZE LANES
import fs from 'node:fs'
import * as tus from 'tus-js-client'
import { FileUrlStorage } from 'tus-js-client'

const [endpoint, token, path, state, chunkSize, lanes] = process.argv.slice(2)
const upload = new tus.Upload(fs.createReadStream(path), {
  endpoint,
  headers: { Authorization: `Bearer ${token}` },
  metadata: { filename: 'clients.wav', filetype: 'audio/wav' },
  chunkSize: Number(chunkSize) || Infinity,
  parallelUploads: Number(lanes),
  storeFingerprintForResuming: true,
  urlStorage: new FileUrlStorage(state),
  retryDelays: [100, 500, 1000],
  onProgress: (sent, total) => console.log(`sent ${sent} ${total}`),
  onSuccess: () => console.log(`done ${upload.url}`),
  onError: (error) => {
    console.error(error.message)
    process.exit(1)
  },
})
const [previous] = await upload.findPreviousUploads()
if (previous) {
  console.log('resumed')
  upload.resumeFromPreviousUpload(previous)
}
upload.start()
