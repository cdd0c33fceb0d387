// class-transformer publishes no types for the storage that class-validator-jsonschema asks for.
declare module 'class-transformer/cjs/storage' {
  export const defaultMetadataStorage: never;
}
