/** What class-transformer's decorators recorded. Its index does not export its storage, so this is the one place that reaches for it. */
// @ts-expect-error: there are no types at this path
import { defaultMetadataStorage } from 'class-transformer/cjs/storage.js';
import type { Type } from '@apiary/decorators/internal';

/** A `@Type`: what class the value of a property, or each element of it, is to have. */
export interface TypeMetadata {
  readonly typeFunction: ((options: { readonly newObject: object; readonly object: object; readonly property: string }) => unknown) | undefined;
  /** The property's own type as the compiler emitted it: `Array`, `Set`, `Map` or a class. */
  readonly reflectedType: unknown;
  readonly options?: {
    readonly discriminator?: { readonly property: string; readonly subTypes: readonly { readonly name: string; readonly value: Type }[] };
    readonly keepDiscriminatorProperty?: boolean;
  };
}
interface Storage {
  findTypeMetadata(type: Type, property: string): TypeMetadata | undefined;
  findTransformMetadatas(type: Type, property: string, direction: number): readonly unknown[];
  getExposedMetadatas(type: Type): readonly unknown[];
  getExcludedMetadatas(type: Type): readonly unknown[];
}
const storage = defaultMetadataStorage as Storage;
const plainToClass = 0;

export function typeMetadata(type: Type, property: string): TypeMetadata | undefined {
  return storage.findTypeMetadata(type, property);
}

/** Whether class-transformer itself has to make the instance: `@Transform` of the property. */
export function isTransformed(type: Type, property: string): boolean {
  return storage.findTransformMetadatas(type, property, plainToClass).length > 0;
}

/** The same for a whole class: `@Expose` or `@Exclude` anywhere in it. */
export function isSelective(type: Type): boolean {
  return storage.getExposedMetadatas(type).length > 0 || storage.getExcludedMetadatas(type).length > 0;
}
