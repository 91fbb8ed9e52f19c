import js from '@eslint/js';
import tseslint from 'typescript-eslint';

const onlyInApi = 'Only src/api/client.ts and src/api/transport.ts may talk to the network.';

export default tseslint.config(
  { ignores: ['dist/'] },
  js.configs.recommended,
  ...tseslint.configs.strict,
  {
    files: ['src/**/*.{ts,tsx}'],
    ignores: ['src/api/client.ts', 'src/api/transport.ts'],
    rules: {
      'no-restricted-globals': [
        'error',
        { name: 'fetch', message: onlyInApi },
        { name: 'XMLHttpRequest', message: onlyInApi },
        { name: 'EventSource', message: onlyInApi },
      ],
    },
  },
  {
    // Browser files that are served as they are.
    files: ['public/**/*.js'],
    languageOptions: { globals: { document: 'readonly', localStorage: 'readonly' } },
  },
  {
    // An index that was just checked, and test data, are clearer with "!" than with a branch that cannot happen.
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off',
      // Taking a property out of an object is how an immutable state forgets it.
      '@typescript-eslint/no-unused-vars': ['error', { ignoreRestSiblings: true }],
    },
  },
);
