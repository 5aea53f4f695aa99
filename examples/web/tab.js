// One tab of this browser holds a name at a time: two would share its history and its device.
//
// Not here: other browsers and phones; among those the server decides.

/**
 * Claims a name for this tab, until `release()` or until another tab takes it, which calls `lost`.
 * Resolves to null when another tab holds the name and `take` is false.
 */
export function claimName(name, { take, lost }) {
  return new Promise((resolve, reject) => {
    let release;
    const held = new Promise((finish) => {
      release = finish;
    });
    let claimed = false;
    const grant = (lock) => {
      if (!lock) return resolve(null);
      claimed = true;
      resolve({ release });
      return held;
    };
    const options = take ? { steal: true } : { ifAvailable: true };
    navigator.locks
      .request(`comet-name-${name}`, options, grant)
      .catch((error) => (claimed ? lost() : reject(error)));
  });
}
