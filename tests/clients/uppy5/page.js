// Uploads the file that the test chooses, by Uppy's S3 plug-in and our Companion dialect.
import AwsS3 from '@uppy/aws-s3'
import Uppy from '@uppy/core'

window.uploadByUppy = async (input, multipart) => {
  const uppy = new Uppy({ autoProceed: false })
  uppy.use(AwsS3, { endpoint: `${location.origin}/api/uploads`, shouldUseMultipart: multipart })
  const file = input.files[0]
  uppy.addFile({ name: file.name, type: file.type, data: file })
  const result = await uppy.upload()
  return {
    failed: result.failed.map((each) => String(each.error)),
    locations: result.successful.map((each) => each.uploadURL),
  }
}
