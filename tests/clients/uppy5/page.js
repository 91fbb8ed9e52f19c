// Uploads the file that the test chooses, by Uppy's plug-ins and our dialects of S3 and tus.
import AwsS3 from '@uppy/aws-s3'
import Uppy from '@uppy/core'
import Tus from '@uppy/tus'

window.uploadByUppy = async (input, protocol) => {
  const uppy = new Uppy({ id: 'clients', autoProceed: false })
  const endpoint = `${location.origin}/api/uploads`
  if (protocol === 'tus') uppy.use(Tus, { endpoint: `${endpoint}/tus` })
  else uppy.use(AwsS3, { endpoint: endpoint, shouldUseMultipart: protocol === 'multipart' })
  window.uppyProgress = () => uppy.getState().totalProgress
  const file = input.files[0]
  uppy.addFile({ name: file.name, type: file.type, data: file })
  const result = await uppy.upload()
  return {
    failed: result.failed.map((each) => String(each.error)),
    locations: result.successful.map((each) => each.uploadURL),
  }
}
