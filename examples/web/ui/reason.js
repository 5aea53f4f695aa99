// Why something did not work, in words.
//
// Not here: the words (../words/).

import { ApiError } from '../net/http.js';
import { knows, say } from '../words/words.js';

/** A sentence for an error of a call. */
export function reasonOf(error) {
  if (!(error instanceof ApiError)) throw error;
  return say('error.failed', reasonOfCode(error.code, error.message));
}

/** The words for a code of the server; `otherwise` for one that is not known here. */
export function reasonOfCode(code, otherwise) {
  return knows(`code.${code}`) ? say(`code.${code}`) : otherwise;
}
