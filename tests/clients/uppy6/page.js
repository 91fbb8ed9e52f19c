import AwsS3 from '@uppy/aws-s3'
import Uppy from '@uppy/core'
import GoldenRetriever from '@uppy/golden-retriever'
import Tus from '@uppy/tus'
import { offerUploads } from '../uppy_uploads.js'

const packages = { AwsS3, GoldenRetriever, Tus, Uppy }

const isRecoverable = () =>
  new Promise((resolve, reject) => {
    const open = indexedDB.open('uppy-blobs')
    open.onerror = () => reject(open.error)
    open.onsuccess = () => {
      const found = open.result.transaction('metadata').objectStore('metadata').get('clients')
      found.onerror = () => reject(found.error)
      found.onsuccess = () => {
        open.result.close()
        resolve(Boolean(found.result?.metadata.includes('uploadId')))
      }
    }
  })

offerUploads(packages, 'companionEndpoint', isRecoverable)
