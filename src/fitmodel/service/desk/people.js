// The name that decisions are signed with: the service's, else as it was given once in this browser.
const NAME = "fitmodel.name";

export const knownName = (metadata) => metadata.me.name || localStorage.getItem(NAME) || "";

/** Remember a name, where the service does not know who asks. */
export function keepName(metadata, name) {
  if (!metadata.me.name && name) localStorage.setItem(NAME, name);
}
