// A draft of Dockerfile: nothing of it has been built yet.
import { apt, debian, defineRecipe, file, run } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [
    apt(['openjdk-17-jre-headless', 'curl', 'procps']),
    file('https://example.org/spark-3.5.1-bin-hadoop3.tgz', { to: '/opt', unpack: true }),
    // line 5: it may delete files of an earlier layer: layout: 'flat' makes one layer
    run(`set +u
export SPARK_VERSION=3.5.1
export SPARK_HOME=/opt/spark
mv /opt/spark-\${SPARK_VERSION}-bin-hadoop3 \${SPARK_HOME}`),
  ],
  env: {
    SPARK_HOME: '/opt/spark',
    PATH: '/opt/spark/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  },
  layout: 'flat',
})
