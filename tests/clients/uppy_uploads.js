// Uploads the file that the test chooses, by the plug-ins of one version of Uppy and our dialects of
// S3 and tus. The pages of the versions import it, each with its own packages.

/**
 * Offer the functions that the tests call.
 * @param packages Uppy, and its plug-ins AwsS3, GoldenRetriever and Tus.
 * @param endpointOption How AwsS3 names the option that says where Companion is.
 * @param isRecoverable True once GoldenRetriever has kept what it needs to recover the upload.
 */
export function offerUploads({ AwsS3, GoldenRetriever, Tus, Uppy }, endpointOption, isRecoverable) {
  const prepare = (protocol) => {
    const uppy = new Uppy({ id: 'clients', autoProceed: false })
    const endpoint = `${location.origin}/api/uploads`
    if (protocol === 'tus') uppy.use(Tus, { endpoint: `${endpoint}/tus` })
    else uppy.use(AwsS3, { [endpointOption]: endpoint, shouldUseMultipart: protocol !== 'form' })
    window.uppyProgress = () => uppy.getState().totalProgress
    return uppy
  }

  const addFile = (uppy, input) => {
    const file = input.files[0]
    uppy.addFile({ name: file.name, type: file.type, data: file })
  }

  // A busy machine answers 503 now and then. Uppy repeats some requests itself, and offers a button
  // for the others.
  const summary = async (uppy, first) => {
    let result = first
    for (let tries = 0; result.failed.length && tries < 3; tries += 1)
      result = await uppy.retryAll()
    return {
      failed: result.failed.map((each) => String(each.error)),
      locations: result.successful.map((each) => each.uploadURL),
    }
  }

  window.uploadByUppy = async (input, protocol) => {
    const uppy = prepare(protocol)
    if (protocol === 'recoverable') uppy.use(GoldenRetriever)
    addFile(uppy, input)
    return summary(uppy, await uppy.upload())
  }

  // The browser has lost the file itself, because it is larger than what the plug-in keeps:
  // people choose it again, and the plug-in knows how far it was.
  window.recoverByUppy = async (input) => {
    const uppy = prepare('recoverable')
    const restored = new Promise((resolve) => uppy.on('restored', resolve))
    uppy.use(GoldenRetriever)
    await restored
    addFile(uppy, input)
    const result = new Promise((resolve) => uppy.on('complete', resolve))
    uppy.emit('restore-confirmed')
    return summary(uppy, await result)
  }

  window.isRecoverable = isRecoverable
}
