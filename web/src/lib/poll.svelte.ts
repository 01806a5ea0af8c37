// Asks again and again while a part of the page is shown.
import { Problem } from "./api";

export class Poll<T> {
  value = $state.raw<T | undefined>();
  error = $state("");

  constructor(ask: () => Promise<T>, everyMillis: number) {
    $effect(() => {
      let stopped = false;
      let timer: ReturnType<typeof setTimeout>;
      const turn = async () => {
        try {
          this.value = await ask();
          this.error = "";
        } catch (error) {
          if (error instanceof Problem && error.status === 401) location.hash = "#/login";
          this.error = error instanceof Error ? error.message : String(error);
        }
        if (!stopped) timer = setTimeout(turn, everyMillis);
      };
      turn();
      return () => {
        stopped = true;
        clearTimeout(timer);
      };
    });
  }
}
