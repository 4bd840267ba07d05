/** Types of ensure-browser.mjs, which stays JavaScript so that Node can run it directly. */

/** The path of a browser that can be started, or null. */
export function findBrowser(): string | null;
