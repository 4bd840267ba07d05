/** The audio worklets of the page, by file name. */
export const WORKLETS = ['capture', 'player'];
