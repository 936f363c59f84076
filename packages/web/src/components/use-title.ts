import { useEffect } from "react";

/** Sets the title of the window while a page is shown: `support-agent · Sightline`. */
export function useTitle(title: string | undefined): void {
  useEffect(() => {
    document.title = title === undefined ? "Sightline" : `${title} · Sightline`;
  }, [title]);
}
