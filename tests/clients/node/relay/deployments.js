import { graphql } from "relay-runtime";

export const page = graphql`
  query deploymentsPageQuery($filter: ModelDeploymentFilter) {
    ...deployments_list @arguments(filter: $filter)
    eventCursor
  }
`;

export const list = graphql`
  fragment deployments_list on Query
  @refetchable(queryName: "deploymentsListQuery")
  @argumentDefinitions(
    first: { type: "Int", defaultValue: 20 }
    after: { type: "String" }
    filter: { type: "ModelDeploymentFilter" }
  ) {
    modelDeployments(first: $first, after: $after, filter: $filter)
      @connection(key: "deployments_modelDeployments") {
      edges {
        node {
          id
          ...deployments_one
        }
      }
      totalCount
    }
  }
`;

export const one = graphql`
  fragment deployments_one on ModelDeployment
  @refetchable(queryName: "deploymentsOneQuery")
  @argumentDefinitions(first: { type: "Int", defaultValue: 5 }, after: { type: "String" }) {
    name
    status
    activeRevision {
      number
    }
    revisions(first: $first, after: $after) @connection(key: "deployments_revisions") {
      edges {
        node {
          number
          digest
        }
      }
    }
  }
`;

export const create = graphql`
  mutation deploymentsCreateMutation($input: CreateModelDeploymentInput!, $connections: [ID!]!) {
    createModelDeployment(input: $input) {
      deployment
        @prependNode(connections: $connections, edgeTypeName: "ModelDeploymentEdge") {
        id
        ...deployments_one
      }
      userErrors {
        code
        message
        path
      }
    }
  }
`;

export const events = graphql`
  subscription deploymentsEventsSubscription($id: ID!, $after: String) {
    deploymentEvents(deploymentId: $id, after: $after) {
      __typename
      cursor
      ... on DeploymentStatusChanged {
        statusAfter
        deployment {
          ...deployments_one
        }
      }
    }
  }
`;

export const batch = graphql`
  subscription deploymentsBatchSubscription($id: ID!) {
    batchJobProgress(batchJobId: $id) {
      id
      status
      counts {
        total
        completed
      }
    }
  }
`;

export const history = graphql`
  fragment deployments_history on Query
  @refetchable(queryName: "deploymentsHistoryQuery")
  @argumentDefinitions(first: { type: "Int", defaultValue: 50 }, after: { type: "String" }) {
    events(first: $first, after: $after) @connection(key: "deployments_events") {
      edges {
        node {
          cursor
          at
          actor
        }
      }
    }
  }
`;
