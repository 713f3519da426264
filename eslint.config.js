import js from '@eslint/js'
import globals from 'globals'
import tseslint from 'typescript-eslint'
import { pureFolders, rooms, roomRules } from './test/lint/rooms.js'

export default tseslint.config(
  { ignores: ['dist/', 'build/', 'coverage/'] },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'separate-type-imports' }],
      '@typescript-eslint/prefer-nullish-coalescing': 'error',
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      'no-restricted-syntax': [
        'error',
        { selector: 'ExportDefaultDeclaration', message: 'Named exports only.' },
        {
          selector: 'ForOfStatement > VariableDeclaration > VariableDeclarator > Identifier[name="of"]',
          message: 'Node 24 cannot strip the types of `for (const of of …)`: take another name.',
        },
        {
          selector:
            'CallExpression[callee.object.name="AbortSignal"][callee.property.name="any"] CallExpression[callee.object.name="AbortSignal"][callee.property.name="timeout"]',
          message:
            'Node 20 forgets such a signal when it collects garbage: take within() of src/time/clock.ts.',
        },
      ],
      'max-lines': ['error', { max: 300 }],
      eqeqeq: 'error',
    },
  },
  {
    files: ['**/*.{js,mjs}'],
    ignores: ['src/page/browser/*.js'],
    languageOptions: { globals: globals.node },
  },
  // For the browser: tsc checks its types, and the bundle joins the files as they are.
  { files: ['src/page/browser/*.js'], languageOptions: { globals: globals.browser } },
  {
    files: ['test/**/*.ts'],
    rules: {
      // tap's subtests return a promise that the parent test awaits by itself.
      '@typescript-eslint/no-floating-promises': 'off',
    },
  },
  ...Object.keys(rooms).map((room) => ({ files: [`src/${room}/**/*.ts`], rules: roomRules(room) })),
  ...Object.entries(pureFolders).map(([folder, { room, impure }]) => ({
    files: [`${folder}/*.ts`],
    ignores: impure.map((name) => `${folder}/${name}.ts`),
    rules: roomRules(room, { pure: true }),
  })),
)
