import { useEffect, useState } from "react";
import { gateway, type Places } from "../api/gateway";
import { ApiFailure } from "../api/http";

/** Whether there is room for one more; null while that is not known, which holds nobody up. */
export function usePlaces(): Places | null {
  const [places, setPlaces] = useState<Places | null>(null);
  useEffect(() => {
    let gone = false;
    gateway.places().then(
      (answer) => {
        if (!gone) setPlaces(answer);
      },
      (error) => {
        if (!(error instanceof ApiFailure)) throw error;
      },
    );
    return () => {
      gone = true;
    };
  }, []);
  return places;
}
