/** For the other packages of Apiary; not for users. */
export * from './index.js';
export { apiaryError, raise, type Extras } from './errors.js';
export { milliseconds } from './duration.js';
export { query } from './query.js';
// the seam between decorated methods and what runs them
export { bindingOf, setAmbientInvoker, setUnmanaged, type AmbientApp, type Binding, type FunctionTable, type UnmanagedCall } from './binding.js';
export type { FunctionMetadata } from './metadata.js';
export type { FunctionKind, Invoker, ParameterRule, RegisteredFunction, RegisteredService } from './registered.js';
// the registry
export { serializables, type SerializableClass } from './decorators/serializable.js';
export { inspect, type Inspection } from './registry/inspect.js';
export { keyName, type Key } from './registry/plan.js';
export { construct, type Registry } from './registry/registry.js';
export type { InspectOptions } from './registry/resolver.js';
