// The plate of a stream, asked for again now and then: the empty scene changes slowly.
import { api } from "./api";

const PLATE_MILLIS = 60_000;
/** Until the first comes, which takes some looks. */
const FIRST_MILLIS = 5_000;

export class Plate {
  url = $state<string | undefined>();

  constructor(stream: () => string) {
    $effect(() => {
      const of = stream();
      let stopped = false;
      let timer: ReturnType<typeof setTimeout>;
      const turn = async () => {
        // Where it cannot be had the boxes stand on empty ground; the stream's state says why.
        const found = await api.plate(of).catch(() => undefined);
        if (stopped) {
          if (found) URL.revokeObjectURL(found);
          return;
        }
        const before = this.url;
        if (found) this.url = found;
        if (found && before) URL.revokeObjectURL(before);
        timer = setTimeout(turn, found ? PLATE_MILLIS : FIRST_MILLIS);
      };
      turn();
      return () => {
        stopped = true;
        clearTimeout(timer);
        if (this.url) URL.revokeObjectURL(this.url);
        this.url = undefined;
      };
    });
  }
}
