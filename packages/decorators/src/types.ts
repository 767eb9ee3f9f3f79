/** Types of classes and methods that decorators, runtime and test kit share. */

/** A class, abstract or not, used as a key. */
export type Type<T = unknown> = abstract new (...args: never[]) => T;
/** A class the app can construct. */
export type ConcreteType<T = unknown> = new (...args: never[]) => T;
export type AsyncMethod = (...args: never[]) => Promise<unknown>;
/** Names of the public async methods of S. Decorators leave no trace in types, so undecorated ones are among them. */
export type AsyncKeys<S> = { [K in keyof S]: S[K] extends AsyncMethod ? K : never }[keyof S] & string;
/** The same for a class, static methods included. */
export type MethodOf<C extends Type> = AsyncKeys<InstanceType<C>> | AsyncKeys<C>;
