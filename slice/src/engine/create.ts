import type { FastifyInstance } from "fastify";
import type { Logger } from "pino";
import type { Status } from "../api.js";
import type { Clock } from "../clock.js";
import type { Config } from "../config.js";
import type { EngineState } from "../store/engine_state.js";
import type { Engine, EngineSink } from "./engine.js";
import type { Outstanding } from "./simulated/correspondents.js";
import { SimulatedEngine } from "./simulated/engine.js";
import { simulatedRoutes } from "./simulated/routes.js";

/** What every engine needs from the slice around it. */
export interface EngineDependencies {
  config: Config;
  clock: Clock;
  sink: EngineSink;
  memory: EngineState;
  outstanding: Outstanding;
  log: Logger;
}

/** The engine that the settings name, and what it adds to port 4001. */
export interface CreatedEngine {
  engine: Engine;
  routes(app: FastifyInstance, status: () => Status): void;
}

export function createEngine(deps: EngineDependencies): CreatedEngine {
  const { config } = deps;
  const engine = new SimulatedEngine({ ...deps, sliceId: config.sliceId, config: config.simulated });
  return { engine, routes: (app, status) => simulatedRoutes(app, engine, status) };
}
