import type { FastifyInstance } from "fastify";
import type { Logger } from "pino";
import type { Status } from "../api.js";
import type { Clock } from "../clock.js";
import type { Config } from "../config.js";
import type { EngineState } from "../store/engine_state.js";
import type { Use } from "../use.js";
import type { Engine, EngineSink } from "./engine.js";
import type { Outstanding } from "./simulated/correspondents.js";
import { SimulatedEngine } from "./simulated/engine.js";
import { pageRoutes, phoneRoutes, simulatedRoutes } from "./simulated/routes.js";

/** What every engine needs from the slice around it. */
export interface EngineDependencies {
  config: Config;
  clock: Clock;
  sink: EngineSink;
  memory: EngineState;
  outstanding: Outstanding;
  use: Use;
  log: Logger;
}

/** The engine that the settings name, and what it adds to port 4001. */
export interface CreatedEngine {
  engine: Engine;
  routes(app: FastifyInstance, status: () => Status): void;
  /** Whether something that nobody caught is the engine's affair, and seen to. */
  blame(err: unknown): boolean;
}

export async function createEngine(deps: EngineDependencies): Promise<CreatedEngine> {
  const { config } = deps;
  if (config.engine === "simulated") {
    const engine = new SimulatedEngine({
      ...deps,
      sliceId: config.sliceId,
      config: config.simulated,
      pulse: config.pulse,
    });
    return { engine, routes: (app, status) => simulatedRoutes(app, engine, status), blame: () => false };
  }
  // Loaded where it is used alone: the library is a third of the backend's memory.
  const { WebjsEngine } = await import("./webjs/engine.js");
  const { StandInPhone, standInCalls } = await import("./webjs/stand_in.js");
  const engine = new WebjsEngine(deps);
  return {
    engine,
    routes(app, status) {
      if (!engine.standIn) return;
      const phone = new StandInPhone(engine, config.sliceId);
      phoneRoutes(app, phone, status);
      pageRoutes(app, standInCalls, (name, argument) => phone.call(name, argument));
    },
    blame: (err) => engine.blame(err),
  };
}
