/**
 * Name of the cache of the files that another app has shared. It has a module of its own, so that
 * the first load does not contain the code that reads them.
 */
export const SHARED_CACHE = 'tinypixo-shared';
