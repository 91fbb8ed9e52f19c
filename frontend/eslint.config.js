import js from '@eslint/js';
import tseslint from 'typescript-eslint';

const onlyInApi = 'Only src/api/client.ts and src/api/transport.ts may talk to the network.';
const onlyInCatalogue = 'Texts for users belong in src/i18n/, in every language.';

export default tseslint.config(
  { ignores: ['dist/'] },
  js.configs.recommended,
  ...tseslint.configs.strict,
  {
    files: ['src/**/*.{ts,tsx}'],
    ignores: ['src/api/client.ts', 'src/api/transport.ts', 'src/serviceWorker/worker.ts'],
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
    files: ['src/**/*.tsx'],
    rules: {
      'no-restricted-syntax': [
        'error',
        {
          selector: 'JSXText[value=/[A-Za-z]{3}/][value!=/^\\s*TinyPixo\\s*$/]',
          message: onlyInCatalogue,
        },
        {
          selector:
            'JSXAttribute[name.name=/^(aria-label|title|alt|placeholder|label)$/] > Literal',
          message: onlyInCatalogue,
        },
      ],
    },
  },
  {
    // These files are served unchanged.
    files: ['public/**/*.js'],
    languageOptions: {
      globals: { document: 'readonly', localStorage: 'readonly', navigator: 'readonly' },
    },
  },
  {
    files: ['scripts/**/*.mjs'],
    languageOptions: { globals: { process: 'readonly', URL: 'readonly' } },
  },
  {
    rules: {
      // After a check of an index, "!" is clearer than a branch that is never taken.
      '@typescript-eslint/no-non-null-assertion': 'off',
      // Destructuring is how a property is removed from an immutable object.
      '@typescript-eslint/no-unused-vars': ['error', { ignoreRestSiblings: true }],
    },
  },
);
