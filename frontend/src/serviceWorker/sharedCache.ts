/** Cache of the files that another app has shared. The first load needs no more than its name. */
export const SHARED_CACHE = 'tinypixo-shared';
