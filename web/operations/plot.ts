// Draws every picture of a page: the elements [data-plot] within a [data-plots], whose data lie beside
// them or come from its data-src, newer ones each minute while somebody looks.
import uPlot from "uplot";
import { colours, type Palette } from "./plotColours";
import { type Plot, type Plots, type Table, tableOf } from "./plotData";
import { optionsOf } from "./plotOptions";
import { moment, readout, valueIn, zoneNote } from "./plotWords";

const every = 60; // seconds

/** drawAll finds the pictures of a page and keeps them as they should be. */
export function drawAll(page: ParentNode): void {
  for (const root of page.querySelectorAll<HTMLElement>("[data-plots]")) {
    new Board(root).begin();
  }
  const zone = zoneNote(Intl.DateTimeFormat().resolvedOptions().timeZone);
  for (const note of page.querySelectorAll("[data-zone]")) {
    note.textContent = zone;
  }
}

/** Picture is one canvas. */
class Picture {
  private drawn: uPlot | undefined;
  private table: Table = [[]];
  private points = new Map<number, number>(); // where a time is in the series' own values

  constructor(
    private readonly board: Board,
    private readonly at: HTMLElement,
    private readonly name: string,
  ) {}

  plot(): Plot | undefined {
    return this.board.plots?.plots.find((one) => one.name === this.name);
  }

  /** draw makes it anew: in other colours, or for the first time. */
  draw(palette: Palette): void {
    const plots = this.board.plots;
    const plot = this.plot();
    this.drawn?.destroy();
    this.drawn = undefined;
    if (!plots || !plot || plot.series.length === 0) {
      this.at.hidden = true;
      return;
    }
    this.at.hidden = false;
    this.take(plots, plot);
    const options = optionsOf({
      plots: () => this.board.plots ?? plots,
      plot: () => this.plot() ?? plot,
      table: () => this.table,
      palette,
      width: this.at.clientWidth,
      group: this.board.root.id,
      pointed: (i) => this.say(i),
    });
    this.drawn = new uPlot(options, this.table as uPlot.AlignedData, this.at);
  }

  zoomed(): boolean {
    const shown = this.drawn?.scales.x;
    const plots = this.board.plots;
    return shown !== undefined && (shown.min !== plots?.from || shown.max !== plots?.until);
  }

  /** renew shows newer values. Whoever has zoomed in stays where they are. */
  renew(zoomed: boolean): void {
    const plots = this.board.plots;
    const plot = this.plot();
    if (!this.drawn || !plots || !plot) {
      return;
    }
    this.take(plots, plot);
    this.drawn.setData(this.table as uPlot.AlignedData, !zoomed);
    if (zoomed) {
      this.drawn.redraw();
    }
  }

  resize(): void {
    if (this.drawn && this.at.clientWidth > 0 && this.at.clientWidth !== this.drawn.width) {
      this.drawn.setSize({ width: this.at.clientWidth, height: this.drawn.height });
    }
  }

  private take(plots: Plots, plot: Plot): void {
    this.table = tableOf(plots, plot);
    this.points = new Map(plots.at.map((time, i) => [time, i]));
  }

  private say(i: number | null): void {
    const line = this.board.root.querySelector<HTMLElement>(`[data-readout="${this.name}"]`);
    const plot = this.plot();
    if (!line || !plot) {
      return;
    }
    line.hidden = false;
    const time = i === null ? undefined : this.table[0][i];
    const own = time === undefined ? undefined : this.points.get(time);
    if (time === undefined) {
      line.textContent = "";
      return;
    }
    const unit = this.board.plots?.x ?? "time";
    const where = unit === "time" ? moment(time) : valueIn(unit, time);
    line.textContent = readout(
      plot,
      where,
      plot.series.map((series) => (own === undefined ? null : (series.values[own] ?? null))),
    );
  }
}

/** Board is the pictures over one axis. */
class Board {
  plots: Plots | undefined;
  private readonly pictures: Picture[] = [];
  private over = false;

  constructor(readonly root: HTMLElement) {
    for (const at of root.querySelectorAll<HTMLElement>("[data-plot]")) {
      this.pictures.push(new Picture(this, at, at.dataset.plot ?? ""));
    }
  }

  begin(): void {
    const data = this.root.querySelector('script[type="application/json"]')?.textContent;
    if (data) {
      this.plots = JSON.parse(data) as Plots;
    } else {
      void this.fetch();
    }
    this.draw();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    new ResizeObserver(() => {
      for (const picture of this.pictures) {
        picture.resize();
      }
    }).observe(this.root);
    if (this.root.dataset.src) {
      setInterval(() => document.hidden || void this.fetch(), 1000 * every);
      document.addEventListener("visibilitychange", () => document.hidden || void this.fetch());
    }
  }

  private draw(): void {
    const palette = colours(this.root);
    for (const picture of this.pictures) {
      picture.draw(palette);
    }
  }

  /** fetch brings newer values. It ends where there are none any more: the session is over. */
  private async fetch(): Promise<void> {
    const source = this.root.dataset.src;
    if (!source || this.over || !this.root.isConnected) {
      return;
    }
    try {
      const response = await fetch(source, { headers: { Accept: "application/json" } });
      if (response.redirected || response.status === 403 || response.status === 404) {
        this.over = true;
        this.say("[data-trouble]", "Nothing newer comes: reload the page.");
        return;
      }
      if (!response.ok) {
        throw new Error(`status ${response.status}`);
      }
      const newer = (await response.json()) as Plots;
      const zoomed = this.pictures.map((picture) => picture.zoomed());
      const first = this.plots === undefined;
      this.plots = newer;
      if (first) {
        this.draw();
      } else {
        this.pictures.forEach((picture, i) => {
          picture.renew(zoomed[i] ?? false);
        });
      }
      this.write(newer);
      this.say("[data-trouble]", "");
    } catch {
      this.say("[data-trouble]", "Newer values could not be fetched; it is tried again in a minute.");
    }
  }

  /** write puts the newer figures into the tables. */
  private write(plots: Plots): void {
    this.say("[data-said]", plots.said ?? "");
    for (const plot of plots.plots) {
      const rows = this.root.querySelectorAll(`[data-figures="${plot.name}"] tbody tr`);
      plot.series.forEach((series, i) => {
        rows[i]?.querySelectorAll("td").forEach((cell, column) => {
          cell.textContent = series.figures[column] ?? "";
        });
      });
    }
  }

  private say(where: string, words: string): void {
    for (const line of this.root.querySelectorAll(where)) {
      line.textContent = words;
    }
  }
}
