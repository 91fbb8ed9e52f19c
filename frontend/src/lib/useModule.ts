import { useEffect, useState } from 'react';

/** Load a part of the page when it is wanted. Return undefined until then, or null on failure. */
export function useModule<T>(isWanted: boolean, load: () => Promise<T>): T | null | undefined {
  const [module, setModule] = useState<T | null>();
  useEffect(() => {
    if (!isWanted || module) return;
    load().then(setModule, () => setModule(null));
    // The module is the same for every `load`, which is a new function each time.
  }, [isWanted]);
  return module;
}
