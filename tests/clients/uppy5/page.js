import AwsS3 from '@uppy/aws-s3'
import Uppy from '@uppy/core'
import GoldenRetriever from '@uppy/golden-retriever'
import Tus from '@uppy/tus'
import { offerUploads } from '../uppy_uploads.js'

const packages = { AwsS3, GoldenRetriever, Tus, Uppy }

offerUploads(packages, 'endpoint', () =>
  localStorage.getItem('uppyState:clients')?.includes('uploadId'),
)
